//! What happened, for people. Nothing is written down unless somebody wants to read it.

use std::sync::{Arc, Mutex};

/// A cheap handle; all clones write the same history.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(Option<Arc<Mutex<Book>>>);

#[derive(Debug, Default)]
struct Book {
    lines: Vec<String>,
    /// Which process, and since when.
    process: u32,
    began: Option<tokio::time::Instant>,
}

impl History {
    /// One that is read.
    pub(crate) fn written() -> Self {
        Self(Some(Arc::default()))
    }

    /// Another process begins.
    pub(crate) fn begin(&self) {
        if let Some(book) = &self.0 {
            let mut book = book.lock().unwrap();
            book.process += 1;
            book.began = Some(tokio::time::Instant::now());
        }
    }

    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if let Some(book) = &self.0 {
            let mut book = book.lock().unwrap();
            let time = book.began.map_or(0.0, |began| began.elapsed().as_secs_f64());
            let line = format!("process {} {time:8.3} s  {}", book.process, what());
            book.lines.push(line);
        }
    }

    /// Words for later; none unless somebody wants to read them.
    pub(crate) fn words(&self, what: impl FnOnce() -> String) -> String {
        if self.0.is_some() { what() } else { String::new() }
    }

    pub(crate) fn text(&self) -> String {
        self.0.as_ref().map_or_else(String::new, |book| book.lock().unwrap().lines.join("\n"))
    }
}
