//! Log lines on standard error, as text for people or as JSON for collectors of logs.

use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One line of text.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(format!("`{other}` is no log format; use `text` or `json`")),
        }
    }
}

/// Standard error, if somebody still reads it. A lost line is no reason to fail: without this the library would complain on the
/// same closed stream, and that panics.
struct Lenient;

impl io::Write for Lenient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().flush();
        Ok(())
    }
}

/// Starts logging. `level` holds filter directives: `info`, or `info,tracardi_collector=debug`.
///
/// Fails when the directives are not understood, or when logging was started before.
pub fn init(format: Format, level: &str) -> Result<(), String> {
    let filter = EnvFilter::builder()
        .parse(level)
        .map_err(|error| format!("the log level `{level}` is not understood: {error}; try `info`"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lenient);
    let started = match format {
        Format::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
        Format::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    started.map_err(|error| format!("logging cannot start: {error}"))
}
