//! Running a program to its end and keeping what it said.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Where Debian puts programs for the administrator; a `sudo` or CI environment may lack the `sbin` folders.
pub const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How many lines of a failed program's output an error keeps.
const TAIL: usize = 25;

/// `PATH` for our children: the caller's, then the system folders.
#[must_use]
pub fn path() -> String {
    match std::env::var("PATH") {
        Ok(own) if !own.is_empty() => format!("{own}:{SYSTEM_PATH}"),
        _ => SYSTEM_PATH.to_owned(),
    }
}

/// A command with our `PATH` and without standard input.
pub fn command<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env("PATH", path()).stdin(Stdio::null());
    command
}

/// Runs to the end; the trimmed standard output, or an error with the last lines of both streams.
pub fn capture(mut command: Command) -> Result<String> {
    let output = command.output().map_err(|source| start_error(&command, &source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    Err(Error::Command { command: show(&command), status: output.status.to_string(), output: tail_of(&output) })
}

/// `capture` for a program and its arguments.
pub fn run<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> Result<String> {
    capture(command(program, arguments))
}

/// Whether the program ran and said yes.
pub fn succeeds<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> bool {
    let mut command = command(program, arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Asks again and again until `check` says yes or the time is over; whether it said yes.
pub fn wait_until(limit: Duration, pause: Duration, mut check: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if check() {
            return true;
        }
        if start.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(pause);
    }
}

/// The command line as a person would type it.
#[must_use]
pub fn show(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// The last lines of a text.
#[must_use]
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}

fn tail_of(output: &Output) -> String {
    let both = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    last_lines(both.trim(), TAIL)
}

fn start_error(command: &Command, source: &std::io::Error) -> Error {
    Error::Command {
        command: show(command),
        status: "could not be started".to_owned(),
        output: format!("{}: {source}", command.get_program().to_string_lossy()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_trimmed_and_failure_keeps_the_last_lines() {
        assert_eq!(run("echo", ["a b"]).unwrap(), "a b");
        let error = run("sh", ["-c", "echo out; echo err >&2; exit 3"]).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("out") && error.contains("err"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run("no-such-program-here", ["x"]).unwrap_err().to_string();
        assert!(error.contains("no-such-program-here x"), "{error}");
    }

    #[test]
    fn last_lines_of_short_and_long_texts() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }
}
