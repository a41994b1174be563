//! What a user agent says of itself: program, system, device.
//!
//! The names are those of the uap project, which the original stores too; its expressions stand in `data/user-agents.yaml`
//! and are carried out by [`expressions`]. Which of more than a thousand can apply at all is known from the short pieces of text that
//! each one [needs](need), so only some five are tried, and compiled when they are tried for the first time. What kind of device it is
//! follows from the names ([`kind`]; spec/pipeline.md 3.5).
//!
//! Most visitors use what others use as well, so what was read last is remembered. Neither this nor what is compiled when changes an
//! answer.
//!
//! Figures: reading the table takes 20 ms and 2 MB, once; a user agent 20 µs, a remembered one 1 µs; if somebody sent something for
//! every expression, all of them would take 14 MB.

mod expressions;
mod kind;
mod need;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use lru::LruCache;
use tracardi_model::session::{App, Os};

use expressions::Expressions;
use need::Pieces;

/// Facts from one user agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agent {
    /// Program; `bot` tells crawlers.
    pub app: App,
    /// System.
    pub os: Os,
    /// Device.
    pub device: Hardware,
}

/// The part of a device that its user agent names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// Family, such as `iPhone`, `Mac`, `Spider` or `Other`.
    pub name: Option<String>,
    /// Maker.
    pub brand: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// `mobile`, `pc`, `tablet` or `email`.
    pub kind: Option<String>,
    /// Whether it is touched.
    pub touch: bool,
}

/// Longest user agent that is looked at, in bytes; the rest of a longer one is ignored.
const MAX_LENGTH: usize = 1024;
/// The family of what no expression knows.
const OTHER: &str = "Other";
/// The family of devices that robots have.
const SPIDER: &str = "Spider";

/// Read when the first user agent comes. That it can be read is a matter of the build, and tested.
static EXPRESSIONS: LazyLock<Expressions> = LazyLock::new(|| Expressions::load().unwrap_or_default());

/// How many user agents are remembered: of 1 KiB each at most.
const REMEMBERED: usize = 1_000;

/// What was read last, by the text.
static RECENT: LazyLock<Mutex<LruCache<String, Arc<Agent>>>> = LazyLock::new(|| {
    let remembered = NonZeroUsize::new(REMEMBERED).unwrap_or(NonZeroUsize::MIN);
    Mutex::new(LruCache::new(remembered))
});

/// Reads a user agent; nothing of a blank one. Takes time in proportion to its length.
#[must_use]
pub fn parse(text: &str) -> Option<Arc<Agent>> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let text = text.get(..text.floor_char_boundary(MAX_LENGTH)).unwrap_or(text);
    let recent = || RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = recent().get(text) {
        return Some(known.clone());
    }
    // Not under the lock: others need not wait.
    let agent = Arc::new(read(text));
    recent().put(text.to_owned(), agent.clone());
    Some(agent)
}

fn read(text: &str) -> Agent {
    let pieces = Pieces::of(text);
    let [program, program_version @ .., _] = EXPRESSIONS.programs.first(text, &pieces);
    let [system, system_version @ ..] = EXPRESSIONS.systems.first(text, &pieces);
    let [family, brand, model, ..] = EXPRESSIONS.devices.first(text, &pieces);
    let family = family.unwrap_or_else(|| OTHER.to_owned());
    let app = App {
        r#type: Some("browser".to_owned()),
        name: program.or_else(|| Some(OTHER.to_owned())),
        version: version(program_version),
        bot: family == SPIDER,
        ..App::default()
    };
    let os = Os { name: system.or_else(|| Some(OTHER.to_owned())), version: version(system_version) };
    let names = kind::Names::new(text, &app, &os, &family);
    let (kind, touch) = (names.kind().map(str::to_owned), names.touch());
    Agent { device: Hardware { name: Some(family), brand, model, kind, touch }, app, os }
}

/// `major.minor.patch`, as far as it is told.
fn version<const N: usize>(numbers: [Option<String>; N]) -> Option<String> {
    let told: Vec<String> = numbers.into_iter().flatten().collect();
    (!told.is_empty()).then(|| told.join("."))
}
