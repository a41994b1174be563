//! Images from scratch: files, an entry point, a user; made with buildah, kept as archives in the cache by their content.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, umount2};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tracardi_machine::files::{hex, make_folder};
use tracardi_machine::progress::step;
use tracardi_machine::run::{capture, command};
use tracardi_machine::{Error, Progress, Result, cache};

use crate::leftovers::mounts_below;

/// Archives of one image that stay in the cache.
const KEPT: usize = 4;

/// A file of an image.
#[derive(Clone, Debug, Serialize)]
pub struct ImageFile {
    /// Where it comes from.
    #[serde(skip)]
    pub source: PathBuf,
    /// Absolute path in the image.
    pub target: PathBuf,
    /// Permission bits, as in `0o755`.
    pub mode: u32,
    /// Stands for the content where the caller knows what the file was made from; otherwise the file is hashed.
    pub key: Option<String>,
}

/// What an image is made of. Equal content gives an equal key, whatever the files are called outside.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImageSpec {
    /// Name without tag, as in `localhost/tracardi`.
    pub name: String,
    /// Tag; by default the key of the content.
    #[serde(skip)]
    pub tag: Option<String>,
    /// Files.
    pub files: Vec<ImageFile>,
    /// Symbolic links: what each points to, by its absolute path in the image.
    pub links: BTreeMap<PathBuf, PathBuf>,
    /// Empty folders that must exist.
    pub folders: Vec<PathBuf>,
    /// Program and its first arguments.
    pub entrypoint: Vec<String>,
    /// `user[:group]`, as numbers; empty means root.
    pub user: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Environment.
    pub env: BTreeMap<String, String>,
}

/// An image in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Name and tag, as pods write it.
    pub reference: String,
    /// The archive (OCI layout in a tar file).
    pub archive: PathBuf,
    /// Size of the archive in bytes.
    pub size: u64,
    /// Hash of the content.
    pub key: String,
}

/// Makes the image unless the cache has it. Needs root and buildah.
pub fn build_image(spec: &ImageSpec, progress: &mut dyn Progress) -> Result<Image> {
    let cache = cache()?;
    let key = key(spec)?;
    let reference = format!("{}:{}", spec.name, spec.tag.as_deref().unwrap_or(&key));
    let folder = cache.join("images");
    let archive = folder.join(format!("{}.tar", file_name(&reference, &key)));
    if !archive.is_file() {
        make_folder(&folder)?;
        step(progress, &format!("making image {reference}"), |_| build(spec, &reference, &cache, &archive))?;
        prune(&folder, &archive);
    }
    let size = fs::metadata(&archive).map_err(Error::io("cannot read", &archive))?.len();
    Ok(Image { reference, archive, size, key })
}

/// A file name that tells people which image it is, and differs when content or tag differ.
fn file_name(reference: &str, key: &str) -> String {
    let short = reference.strip_prefix("localhost/").unwrap_or(reference);
    let name: String = short.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    if name.ends_with(key) { name } else { format!("{name}-{key}") }
}

/// What archives of one image have in common: the name without the key (16 hex digits).
fn family(file: &Path) -> Option<String> {
    let stem = file.file_name()?.to_str()?.strip_suffix(".tar")?;
    let (name, key) = stem.rsplit_once('-')?;
    (key.len() == 16 && key.chars().all(|c| c.is_ascii_hexdigit())).then(|| name.to_owned())
}

/// Every change of a program makes another archive: only the newest few of an image are kept.
fn prune(folder: &Path, newest: &Path) {
    let Some(wanted) = family(newest) else { return };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut archives: Vec<_> = entries
        .filter(|entry| family(&entry.path()).as_ref() == Some(&wanted))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    archives.sort();
    archives.reverse();
    for (_, old) in archives.into_iter().skip(KEPT) {
        // Somebody else may have removed it.
        let _ = fs::remove_file(old);
    }
}

/// Hash over the description and the content of every file.
fn key(spec: &ImageSpec) -> Result<String> {
    let description = serde_json::to_vec(spec)
        .map_err(|error| Error::unmet(format!("the description of image {}: {error}", spec.name), ""))?;
    let mut hash = Sha256::new();
    hash.update((description.len() as u64).to_le_bytes());
    hash.update(&description);
    for file in spec.files.iter().filter(|file| file.key.is_none()) {
        let mut content = fs::File::open(&file.source).map_err(Error::io("cannot read", &file.source))?;
        let mut one = Sha256::new();
        copy_into(&mut content, &mut one).map_err(Error::io("cannot read", &file.source))?;
        hash.update(one.finalize());
    }
    Ok(hex(hash.finalize().get(..8).unwrap_or_default()))
}

fn copy_into(from: &mut impl std::io::Read, hash: &mut Sha256) -> std::io::Result<()> {
    let mut buffer = vec![0_u8; 1 << 20];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            read => hash.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

fn build(spec: &ImageSpec, reference: &str, cache: &Path, archive: &Path) -> Result<()> {
    let work = cache.join("buildah");
    make_folder(cache)?;
    let lock = fs::File::create(cache.join("buildah.lock")).map_err(Error::io("cannot create", &work))?;
    lock.lock().map_err(Error::io("cannot lock", &work))?;
    // A killed run leaves its work folder; nothing in it is worth keeping.
    wipe(&work)?;
    let result = build_in(spec, reference, &work, archive);
    wipe(&work)?;
    result
}

fn build_in(spec: &ImageSpec, reference: &str, work: &Path, archive: &Path) -> Result<()> {
    let tree = work.join("tree");
    stage(spec, &tree)?;
    let container = buildah(work, &["from", "scratch"])?;
    buildah(work, &["copy", "--quiet", &container, &tree.to_string_lossy(), "/"])?;
    let mut words = vec!["config".to_owned()];
    let entrypoint = serde_json::to_string(&spec.entrypoint).unwrap_or_default();
    words.extend(["--entrypoint".to_owned(), entrypoint]);
    if !spec.user.is_empty() {
        words.extend(["--user".to_owned(), spec.user.clone()]);
    }
    let pairs = |map: &BTreeMap<String, String>, flag: &str| -> Vec<String> {
        map.iter().flat_map(|(name, value)| [flag.to_owned(), format!("{name}={value}")]).collect()
    };
    words.extend(pairs(&spec.labels, "--label"));
    words.extend(pairs(&spec.env, "--env"));
    words.push(container.clone());
    buildah(work, &words.iter().map(String::as_str).collect::<Vec<_>>())?;
    let temporary = work.join("image.tar");
    let target = format!("oci-archive:{}:{reference}", temporary.display());
    // A fixed time, so that the same content has the same digest everywhere.
    buildah(work, &["commit", "--quiet", "--rm", "--timestamp", "0", &container, &target])?;
    fs::rename(&temporary, archive).map_err(Error::io("cannot rename", &temporary))
}

/// Lays the image's files out in a folder.
fn stage(spec: &ImageSpec, tree: &Path) -> Result<()> {
    let place = |target: &Path| tree.join(target.strip_prefix("/").unwrap_or(target));
    make_folder(tree)?;
    for folder in &spec.folders {
        make_folder(&place(folder))?;
    }
    for file in &spec.files {
        let target = place(&file.target);
        make_folder(target.parent().unwrap_or(tree))?;
        fs::copy(&file.source, &target).map_err(Error::io("cannot copy", &file.source))?;
        let mode = fs::Permissions::from_mode(file.mode);
        fs::set_permissions(&target, mode).map_err(Error::io("cannot change", &target))?;
    }
    for (link, target) in &spec.links {
        let link = place(link);
        make_folder(link.parent().unwrap_or(tree))?;
        symlink(target, &link).map_err(Error::io("cannot link", &link))?;
    }
    Ok(())
}

/// With storage of its own, so that the machine's is not touched; without user namespaces or a running service.
fn buildah(work: &Path, words: &[&str]) -> Result<String> {
    let mut buildah = command("buildah", ["--root".as_ref(), work.join("root").as_os_str()]);
    buildah.arg("--runroot").arg(work.join("run")).args(words);
    buildah.env("BUILDAH_ISOLATION", "chroot").env("STORAGE_DRIVER", "overlay").env("TMPDIR", work);
    capture(buildah)
}

fn wipe(work: &Path) -> Result<()> {
    for mount in mounts_below(work) {
        umount2(&mount, MntFlags::MNT_DETACH)
            .map_err(|errno| Error::io("cannot unmount", &mount)(std::io::Error::from(errno)))?;
    }
    match fs::remove_dir_all(work) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::io("cannot remove", work)(source)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(source: &Path) -> ImageSpec {
        ImageSpec {
            name: "localhost/x".into(),
            files: vec![ImageFile { source: source.into(), target: "/x".into(), mode: 0o755, key: None }],
            entrypoint: vec!["/x".into()],
            ..ImageSpec::default()
        }
    }

    #[test]
    fn the_key_follows_content_and_description_not_the_source_path() {
        let folder = std::env::temp_dir().join(format!("tracardi-images-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (a, b, c) = (folder.join("a"), folder.join("b"), folder.join("c"));
        fs::write(&a, "one").unwrap();
        fs::write(&b, "one").unwrap();
        fs::write(&c, "two").unwrap();
        let one = key(&spec(&a)).unwrap();
        assert_eq!(one, key(&spec(&b)).unwrap());
        assert_ne!(one, key(&spec(&c)).unwrap());
        assert_ne!(one, key(&ImageSpec { user: "65532".into(), ..spec(&a) }).unwrap());
        assert_eq!(one, key(&ImageSpec { tag: Some("dev".into()), ..spec(&a) }).unwrap());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn archives_of_one_image_are_told_from_those_of_another() {
        assert_eq!(family(Path::new("/i/tracardi-0123456789abcdef.tar")), Some("tracardi".into()));
        assert_eq!(family(Path::new("/i/tracardi-operator-0123456789abcdef.tar")), Some("tracardi-operator".into()));
        assert_eq!(family(Path::new("/i/tracardi-operator.tar")), None);
    }

    #[test]
    fn archives_are_named_after_what_they_hold() {
        assert_eq!(file_name("localhost/cluster/pause:0a1b", "0a1b"), "cluster-pause-0a1b");
        assert_eq!(file_name("localhost/tracardi:dev", "0a1b"), "tracardi-dev-0a1b");
    }
}
