//! What can go wrong, said so that a person knows what to do next.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Every variant's text names the thing; [`Error::remedy`] says what to try.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What was being done, as in "cannot write".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A program that was run failed.
    #[error("`{command}` failed ({status})\n{output}")]
    Command {
        /// The command line.
        command: String,
        /// Exit status in words.
        status: String,
        /// The last lines it printed.
        output: String,
    },
    /// A program that is to run on did not start or did not become ready.
    #[error("{component} {problem}\n--- last lines of {log}\n{tail}\n---", log = log.display())]
    Component {
        /// Name of the component.
        component: String,
        /// What is wrong, as in "ended while starting".
        problem: String,
        /// Its log file.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
        /// What to try.
        remedy: String,
    },
    /// Something that must be there is not, or does not fit.
    #[error("{what}")]
    Unmet {
        /// The thing and what is wrong with it.
        what: String,
        /// What to try.
        remedy: String,
    },
}

impl Error {
    /// For `map_err` on file operations; `doing` as in "cannot write".
    pub fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io { doing, path, source }
    }

    /// Something that does not fit, with what to try.
    pub fn unmet(what: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::Unmet { what: what.into(), remedy: remedy.into() }
    }

    /// What a person can try, where there is something particular to say.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Error::Component { remedy, .. } | Error::Unmet { remedy, .. } if !remedy.is_empty() => Some(remedy),
            _ => None,
        }
    }
}
