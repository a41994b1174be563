//! What the programs have in common that prepare a machine for tests: installing packages, running programs and saying how
//! long they took, looking at processes, folders, and errors that say what to try.

pub mod error;
pub mod files;
pub mod packages;
pub mod process;
pub mod progress;
pub mod run;

pub use error::{Error, Result};
pub use files::cache;
pub use progress::{Plain, Progress, Silent};
