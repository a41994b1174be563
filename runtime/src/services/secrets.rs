//! Files with secrets: those that the caller names, and those that are made at the first start.
//!
//! A file that is made appears complete and readable by its owner only, or not at all; it is never written again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tracardi_process::random;
use tracardi_store::{Keys, Sqlite};

use crate::cli::DataArguments;

/// Folder of the made secrets, below the data directory.
const FOLDER: &str = "keys";
/// Beginning of the name of a file that is not complete.
const DRAFT: &str = ".draft-";
/// A secret's file may be so long.
const MAX_BYTES: u64 = 64 * 1024;

/// The keys of the store: from the files that are named, else from the data directory, where they are made when missing.
pub(crate) fn keys(arguments: &DataArguments) -> anyhow::Result<Keys> {
    let key = |name: &str, file: Option<&PathBuf>| -> anyhow::Result<[u8; 32]> {
        let (path, text) = if let Some(path) = file {
            (path.clone(), read(path)?)
        } else {
            must_be_there(&arguments.data, name)?;
            made(&arguments.data, name, random::hex::<32>)?
        };
        parsed(&path, &text)
    };
    Ok(Keys {
        signing: key("signing", arguments.signing_key_file.as_ref())?,
        encryption: key("encryption", arguments.encryption_key_file.as_ref())?,
    })
}

/// The key in a file.
pub(crate) fn key(path: &Path) -> anyhow::Result<[u8; 32]> {
    parsed(path, &read(path)?)
}

fn parsed(path: &Path, text: &str) -> anyhow::Result<[u8; 32]> {
    from_hex(text).with_context(|| format!("{} is no key: it must hold 64 hexadecimal digits", path.display()))
}

/// The token that `POST /install` demands.
pub(crate) fn installation_token(arguments: &DataArguments) -> anyhow::Result<String> {
    match &arguments.installation_token_file {
        Some(path) => installation_token_in(path),
        None => not_empty(made(&arguments.data, "installation-token", random::hex::<20>)?.1),
    }
}

/// The same, from a file.
pub(crate) fn installation_token_in(path: &Path) -> anyhow::Result<String> {
    not_empty(read(path)?)
}

fn not_empty(token: String) -> anyhow::Result<String> {
    if token.is_empty() {
        bail!("the installation token is empty; write one into its file");
    }
    Ok(token)
}

/// The trimmed content of a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// Refuses to go on when a store has lost its key: a new one would fit nothing that is stored.
fn must_be_there(data: &Path, name: &str) -> anyhow::Result<()> {
    let path = data.join(FOLDER).join(name);
    if let (Some(store), false) = (Sqlite::existing(data), path.exists()) {
        bail!(
            "{} is missing, and the store {} was made with that key; restore the file from a backup, or name the key's \
             file (that of the Secret) with --{name}-key-file",
            path.display(),
            store.display()
        );
    }
    Ok(())
}

/// Removes what a start that was killed left unfinished. To be called by who has the store open: nobody else writes then.
pub(crate) fn remove_drafts(data: &Path) {
    for folder in [data.to_owned(), data.join(FOLDER)] {
        let Ok(files) = fs::read_dir(folder) else { continue };
        for file in files.flatten().filter(|file| file.file_name().to_string_lossy().starts_with(DRAFT)) {
            // A draft that stays does no harm.
            let _ = fs::remove_file(file.path());
        }
    }
}

fn made(data: &Path, name: &str, make: impl FnOnce() -> io::Result<String>) -> anyhow::Result<(PathBuf, String)> {
    let folder = data.join(FOLDER);
    private_folder(data)?;
    private_folder(&folder)?;
    let path = folder.join(name);
    if !path.exists() {
        let text = make().with_context(|| format!("cannot make {}", path.display()))?;
        write_new(&path, &text)?;
    }
    let text = read(&path)?;
    Ok((path, text))
}

/// Makes a folder that only its owner enters; one that is there stays as it is.
pub(crate) fn private_folder(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the directory {}", path.display()))
}

/// Writes a file that is not there yet. When another process was first, its file stays.
pub(crate) fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let folder = path.parent().unwrap_or(Path::new("."));
    let draft = folder.join(format!("{DRAFT}{}", random::hex::<8>().with_context(failed)?));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }?;
        File::open(folder)?.sync_all()
    })();
    // The draft is of no further use, whatever came of it; when it cannot be removed it does no harm.
    let _ = fs::remove_file(&draft);
    written.with_context(failed)
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    // The number parser below would take signs as well.
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let (path, first) = made(&data, "signing", || Ok("one".to_owned())).unwrap();
        let (_, second) = made(&data, "signing", || Ok("two".to_owned())).unwrap();
        assert_eq!((first.as_str(), second.as_str()), ("one", "one"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(data.join(FOLDER)).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(data.join(FOLDER)).unwrap().count(), 1, "no draft is left");
        write_new(&path, "three").unwrap();
        assert_eq!(read(&path).unwrap(), "one");
    }

    #[test]
    fn drafts_of_a_killed_start_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        made(data, "signing", || Ok("one".to_owned())).unwrap();
        for draft in [data.join(".draft-00"), data.join(FOLDER).join(".draft-01")] {
            fs::write(draft, "half").unwrap();
        }
        remove_drafts(data);
        let left = |folder: &Path| fs::read_dir(folder).unwrap().count();
        assert_eq!((left(data), left(&data.join(FOLDER))), (1, 1));
    }

    #[test]
    fn a_key_that_is_gone_is_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        assert!(must_be_there(folder.path(), "signing").is_ok(), "there is no store yet");
        fs::write(folder.path().join("tracardi.db"), "rows").unwrap();
        let text = must_be_there(folder.path(), "signing").unwrap_err().to_string();
        assert!(text.contains("keys/signing is missing") && text.contains("--signing-key-file"), "{text}");
        made(folder.path(), "signing", || Ok("one".to_owned())).unwrap();
        assert!(must_be_there(folder.path(), "signing").is_ok());
    }

    #[test]
    fn keys_are_64_digits() {
        assert_eq!(from_hex(&"0f".repeat(32)), Some([15; 32]));
        for wrong in ["", "0f", &"0g".repeat(32), &"0".repeat(65), &"é".repeat(32), &"+f".repeat(32), &"-0".repeat(32)]
        {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }
}
