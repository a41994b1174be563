//! Statements for many rows, and scripts: several statements that go to SQLite's thread as one.
//!
//! sqlx runs SQLite in a thread of its own. Each statement is a message there and an answer back, two changes of threads,
//! which costs more than inserting a row. So what a lone request leaves behind goes as one script; in a large group, whose
//! statements have too many shapes to keep them all prepared, the price of a message is shared by many rows.

use std::sync::Arc;

use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Sqlite, Type};

/// A statement that inserts several rows; prepared once for each of a few numbers of rows.
pub(super) struct Inserts {
    /// For 1, 4, 16 and 64 rows.
    pub(super) texts: [Arc<str>; 4],
}

/// Numbers of rows per statement. More rows save little, and a statement is prepared for each number.
const ROWS: [usize; 4] = [1, 4, 16, 64];

impl Inserts {
    pub(super) fn new(head: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        Self { texts: ROWS.map(|rows| format!("{head} VALUES {} {tail}", vec![row.as_str(); rows].join(",")).into()) }
    }

    /// Whether so many rows take one statement at most.
    pub(super) fn at_once(rows: usize) -> bool {
        rows == 0 || ROWS.contains(&rows)
    }

    /// Inserts all rows with as few statements as the prepared sizes allow.
    pub(super) async fn run<T>(
        &self,
        script: &mut Script<'_>,
        mut rows: Vec<T>,
        bind: impl Fn(&mut Values, T),
    ) -> Result<(), sqlx::Error> {
        while !rows.is_empty() {
            let size = ROWS.iter().rposition(|size| *size <= rows.len()).unwrap_or(0);
            let rest = rows.split_off(ROWS[size].min(rows.len()));
            let fill = |values: &mut Values| rows.into_iter().for_each(|row| bind(values, row));
            script.run(&self.texts[size], fill).await?;
            rows = rest;
        }
        Ok(())
    }
}

/// Values for the parameters of a script's statements, in their order.
#[derive(Default)]
pub(super) struct Values {
    arguments: SqliteArguments,
    wrong: Option<BoxDynError>,
}

impl Values {
    /// For the next parameter.
    pub(super) fn bind<'v, T: Encode<'v, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.arguments.add(value) {
            self.wrong.get_or_insert(error);
        }
        self
    }
}

/// The text of a statement.
pub(super) enum Statement<'t> {
    Fixed(&'static str),
    /// Made of constants when the program began.
    Made(&'t Arc<str>),
}

impl From<&'static str> for Statement<'_> {
    fn from(text: &'static str) -> Self {
        Self::Fixed(text)
    }
}

impl<'t> From<&'t Arc<str>> for Statement<'t> {
    fn from(text: &'t Arc<str>) -> Self {
        Self::Made(text)
    }
}

/// Statements to be run in their order; their parameters are written `?`.
pub(super) struct Script<'w> {
    writer: &'w mut SqliteConnection,
    /// What waits for [`Script::end`].
    held: Option<String>,
    values: Values,
}

impl<'w> Script<'w> {
    /// Each statement by itself, at once.
    pub(super) fn stepwise(writer: &'w mut SqliteConnection) -> Self {
        Self { writer, held: None, values: Values::default() }
    }

    /// All statements together, at the end. What has the same statements is prepared once.
    pub(super) fn together(writer: &'w mut SqliteConnection) -> Self {
        Self { writer, held: Some(String::new()), values: Values::default() }
    }

    /// The next statement. Its text consists of constants; values are bound.
    pub(super) async fn run(
        &mut self,
        statement: impl Into<Statement<'_>>,
        fill: impl FnOnce(&mut Values),
    ) -> Result<(), sqlx::Error> {
        fill(&mut self.values);
        let statement = statement.into();
        if let Some(held) = &mut self.held {
            held.push_str(match statement {
                Statement::Fixed(text) => text,
                Statement::Made(text) => text,
            });
            held.push(';');
            return Ok(());
        }
        let values = std::mem::take(&mut self.values);
        match statement {
            Statement::Fixed(text) => execute(self.writer, text, values).await,
            Statement::Made(text) => execute(self.writer, AssertSqlSafe(text.clone()), values).await,
        }
    }

    /// Runs what is left to be run.
    pub(super) async fn end(self) -> Result<(), sqlx::Error> {
        match self.held {
            Some(held) => execute(self.writer, AssertSqlSafe(held), self.values).await,
            None => Ok(()),
        }
    }
}

async fn execute(
    writer: &mut SqliteConnection,
    text: impl sqlx::SqlSafeStr,
    values: Values,
) -> Result<(), sqlx::Error> {
    match values.wrong {
        Some(error) => Err(sqlx::Error::Encode(error)),
        None => sqlx::query_with(text, values.arguments).execute(writer).await.map(|_| ()),
    }
}
