//! Filters as SQL: the meaning of [`Filter::matches`], asked of the stored text (a property test compares the two).
//!
//! The text is made of constants; every value and every path is bound. In it, `d` is the table of documents. A condition
//! is 0 or 1, never NULL, so that `NOT` means what it says.

use std::fmt::Write as _;

use jiff::Timestamp;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, Encode, Type};
use tracardi_language::dot::{Path, Segment};
use tracardi_language::filter::{Filter, Literal, Relation};

use super::failure::failed;
use crate::columns::micros;
use crate::documents::MAX_WILDCARDS;
use crate::{Index, Matching, StoreError};

/// A numeric name may be an index or a key; each such name doubles the paths to try. More of them are refused.
const MAX_NUMERIC_NAMES: usize = 3;
/// Words after these are ignored.
const MAX_WORDS: usize = 16;

/// A piece of SQL with the values of its parameters, in order.
pub(super) struct Condition {
    index: Index,
    text: String,
    arguments: Vec<Argument>,
    /// A part of a verdict is left open that may turn out to be an error (see [`super::holding`]).
    pub(super) unsure: bool,
}

pub(super) enum Argument {
    Integer(i64),
    Real(f64),
    Text(String),
}

impl From<i64> for Argument {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Argument {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<String> for Argument {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// A statement and its values.
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) arguments: SqliteArguments,
}

impl Statement {
    /// Runs it; the text is not kept prepared, as every filter has another.
    pub(super) async fn rows(self, reader: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError> {
        sqlx::query_with(AssertSqlSafe(self.text), self.arguments)
            .persistent(false)
            .fetch_all(reader)
            .await
            .map_err(failed)
    }
}

/// Where a field of a document also stands in a column.
enum Column {
    Text(&'static str),
    Time(&'static str),
}

fn column(index: Index, field: &str) -> Option<Column> {
    Some(match (index, field) {
        (_, "id") => Column::Text("d.id"),
        (Index::Event, "type") => Column::Text("d.type"),
        (Index::Event, "source.id") => Column::Text("d.source_id"),
        (Index::Event, "session.id") => Column::Text("d.session_id"),
        (Index::Event | Index::Session, "profile.id") => Column::Text("d.profile_id"),
        // A profile from elsewhere may lack it; the column then holds 1970, which the document does not say.
        (Index::Event | Index::Session, "metadata.time.insert") => Column::Time("d.inserted"),
        _ => return None,
    })
}

const fn operator(relation: Relation) -> &'static str {
    match relation {
        Relation::Equal => "=",
        Relation::Less => "<",
        Relation::LessOrEqual => "<=",
        Relation::Greater => ">",
        Relation::GreaterOrEqual => ">=",
    }
}

/// The paths of a field in SQLite's notation: a number is tried as an index and as a key. At most one of them leads
/// somewhere in a document.
pub(super) fn paths(field: &Path) -> Result<Vec<String>, StoreError> {
    let bad = || StoreError::BadField(field.as_str().to_owned());
    let numeric = field.segments().iter().filter(|segment| segment.index.is_some()).count();
    if numeric > MAX_NUMERIC_NAMES {
        return Err(bad());
    }
    let mut paths = vec!["$".to_owned()];
    for Segment { name, index } in field.segments() {
        // Inside the quotes only these two would mean something to SQLite.
        if name.chars().any(|letter| letter == '"' || letter == '\\' || letter.is_control()) {
            return Err(bad());
        }
        // SQLite counts in 32 bits and would start again; no document is so long.
        let index = index.filter(|index| u32::try_from(*index).is_ok());
        let indexed: Vec<String> =
            index.iter().flat_map(|index| paths.iter().map(move |path| format!("{path}[{index}]"))).collect();
        for path in &mut paths {
            let _ = write!(path, ".\"{name}\"");
        }
        paths.extend(indexed);
    }
    Ok(paths)
}

impl Condition {
    pub(super) const fn new(index: Index) -> Self {
        Self { index, text: String::new(), arguments: Vec::new(), unsure: false }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Binds a value for a parameter that stands in a text pushed elsewhere.
    pub(super) fn argument(&mut self, value: impl Into<Argument>) {
        self.arguments.push(value.into());
    }

    /// A parameter and its value.
    pub(super) fn bind(&mut self, value: impl Into<Argument>) {
        self.text.push('?');
        self.argument(value);
    }

    pub(super) fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.arguments.extend(other.arguments);
    }

    /// The whole statement: a head made of constants (its parameters were bound first) and this condition.
    pub(super) fn into_statement(self, head: &str) -> Result<Statement, StoreError> {
        fn add<T>(arguments: &mut SqliteArguments, value: T) -> Result<(), StoreError>
        where
            T: for<'a> Encode<'a, sqlx::Sqlite> + Type<sqlx::Sqlite>,
        {
            arguments.add(value).map_err(|error| StoreError::Unavailable(error.to_string()))
        }
        let mut arguments = SqliteArguments::default();
        for argument in self.arguments {
            match argument {
                Argument::Integer(value) => add(&mut arguments, value)?,
                Argument::Real(value) => add(&mut arguments, value)?,
                Argument::Text(value) => add(&mut arguments, value)?,
            }
        }
        Ok(Statement { text: format!("{head}{}", self.text), arguments })
    }

    pub(super) fn matching(&mut self, matching: &Matching) -> Result<(), StoreError> {
        match matching {
            Matching::Everything => self.push("1"),
            Matching::Filter(filter) => self.filter(filter)?,
            Matching::Words(words) => {
                self.push("1");
                for word in words.split_whitespace().take(MAX_WORDS) {
                    // As it stands in JSON text, without the quotes around it.
                    let escaped = serde_json::Value::from(word.to_ascii_lowercase()).to_string();
                    self.push(" AND instr(lower(d.document), ");
                    self.bind(escaped[1..escaped.len() - 1].to_owned());
                    self.push(") > 0");
                }
            }
        }
        Ok(())
    }

    fn filter(&mut self, filter: &Filter) -> Result<(), StoreError> {
        match filter {
            Filter::All(parts) => self.joined(parts, " AND ", "1"),
            Filter::Any(parts) => self.joined(parts, " OR ", "0"),
            Filter::Not(part) => {
                self.push("NOT (");
                self.filter(part)?;
                self.push(")");
                Ok(())
            }
            Filter::Compare { field, relation, value } => self.compare(field, *relation, value),
            Filter::Like { field, pattern } => {
                let glob = pattern.glob();
                if pattern.as_str().matches('*').count() > MAX_WILDCARDS {
                    return Err(StoreError::BadPattern(pattern.as_str().to_owned()));
                }
                if let Some(Column::Text(name)) = column(self.index, field.as_str()) {
                    self.push(&format!("({name} IS NOT NULL AND {name} GLOB "));
                    self.bind(glob);
                    self.push(")");
                    return Ok(());
                }
                self.any_value(&paths(field)?, |condition| {
                    condition.push("v.type = 'text' AND v.atom GLOB ");
                    condition.bind(glob.clone());
                });
                Ok(())
            }
            Filter::Same { left, right } => self.same(left, right),
            Filter::Exists(field) => self.exists(field),
        }
    }

    fn joined(&mut self, parts: &[Filter], operator: &str, nothing: &str) -> Result<(), StoreError> {
        if parts.is_empty() {
            self.push(nothing);
            return Ok(());
        }
        self.push("(");
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.push(operator);
            }
            self.filter(part)?;
        }
        self.push(")");
        Ok(())
    }

    fn compare(&mut self, field: &Path, relation: Relation, value: &Literal) -> Result<(), StoreError> {
        let operator = operator(relation);
        match (column(self.index, field.as_str()), value) {
            (Some(Column::Text(name)), Literal::Text(text)) => {
                self.push(&format!("({name} IS NOT NULL AND {name} {operator} "));
                self.bind(text.clone());
                self.push(")");
                return Ok(());
            }
            (Some(Column::Time(name)), Literal::Text(text)) => {
                // Texts of the stored format are ordered as the times they stand for; others are compared as texts.
                let time = text.parse::<Timestamp>().ok().filter(|time| tracardi_model::time::format(*time) == *text);
                if let Some(time) = time {
                    self.push(&format!("({name} {operator} "));
                    self.bind(micros(time));
                    self.push(")");
                    return Ok(());
                }
            }
            _ => {}
        }
        self.any_value(&paths(field)?, |condition| match value {
            Literal::Text(text) => {
                condition.push(&format!("v.type = 'text' AND v.atom {operator} "));
                condition.bind(text.clone());
            }
            Literal::Number(number) => {
                condition.push(&format!("v.type IN ('integer', 'real') AND CAST(v.atom AS REAL) {operator} "));
                condition.bind(*number);
            }
            Literal::Boolean(boolean) => {
                condition.push(&format!("v.type IN ('true', 'false') AND v.atom {operator} "));
                condition.bind(i64::from(*boolean));
            }
        });
        Ok(())
    }

    /// Whether a test holds for one of the values of a field: the elements of a list, or the value itself (called `v`).
    pub(super) fn any_value(&mut self, paths: &[String], test: impl Fn(&mut Self)) {
        self.push("(");
        for (at, path) in paths.iter().enumerate() {
            if at > 0 {
                self.push(" OR ");
            }
            self.push("EXISTS (SELECT 1 FROM json_each(d.document, ");
            self.bind(path.clone());
            // Of an object json_each would give the members.
            self.push(") AS v WHERE json_type(d.document, ");
            self.bind(path.clone());
            self.push(") <> 'object' AND ");
            test(self);
            self.push(")");
        }
        self.push(")");
    }

    fn exists(&mut self, field: &Path) -> Result<(), StoreError> {
        if let Some(Column::Text(name)) = column(self.index, field.as_str()) {
            self.push(&format!("({name} IS NOT NULL)"));
            return Ok(());
        }
        self.push("(");
        for (at, path) in paths(field)?.into_iter().enumerate() {
            if at > 0 {
                self.push(" OR ");
            }
            self.push("CASE json_type(d.document, ");
            self.bind(path.clone());
            self.push(") WHEN 'null' THEN 0 WHEN 'array' THEN EXISTS (SELECT 1 FROM json_each(d.document, ");
            self.bind(path.clone());
            self.push(") AS v WHERE v.type <> 'null') ELSE json_type(d.document, ");
            self.bind(path);
            self.push(") IS NOT NULL END");
        }
        self.push(")");
        Ok(())
    }

    fn same(&mut self, left: &Path, right: &Path) -> Result<(), StoreError> {
        let (lefts, rights) = (paths(left)?, paths(right)?);
        self.push("(0");
        for (left, right) in lefts.iter().flat_map(|left| rights.iter().map(move |right| (left, right))) {
            self.push(" OR EXISTS (SELECT 1 FROM json_each(d.document, ");
            self.bind(left.clone());
            self.push(") AS v CROSS JOIN json_each(d.document, ");
            self.bind(right.clone());
            self.push(") AS w WHERE json_type(d.document, ");
            self.bind(left.clone());
            self.push(") <> 'object' AND json_type(d.document, ");
            self.bind(right.clone());
            self.push(
                ") <> 'object' AND CASE v.type WHEN 'text' THEN w.type = 'text' AND v.atom = w.atom \
                 WHEN 'true' THEN w.type = 'true' WHEN 'false' THEN w.type = 'false' \
                 WHEN 'integer' THEN w.type IN ('integer', 'real') AND CAST(v.atom AS REAL) = CAST(w.atom AS REAL) \
                 WHEN 'real' THEN w.type IN ('integer', 'real') AND CAST(v.atom AS REAL) = CAST(w.atom AS REAL) \
                 ELSE 0 END)",
            );
        }
        self.push(")");
        Ok(())
    }

    /// What a histogram is grouped by: tables to read from, and the expression of a value as text (NULL: no value).
    /// Binds the paths, so it must be called where the tables stand in the statement.
    pub(super) fn values_of(&mut self, table: &str, field: &str) -> Result<(String, &'static str), StoreError> {
        // How Elasticsearch calls the exact twin of a text field.
        let field = field.strip_suffix(".keyword").unwrap_or(field);
        if let Some(Column::Text(name)) = column(self.index, field) {
            return Ok((format!("{table} AS d"), name));
        }
        let path = Path::parse(field).map_err(|_| StoreError::BadField(field.to_owned()))?;
        // The path as keys only: a list's element is nothing to group by.
        let path = paths(&path)?.into_iter().next().unwrap_or_default();
        self.argument(path.clone());
        self.argument(path);
        Ok((
            // Of an object json_each would give the members.
            format!("{table} AS d CROSS JOIN json_each(d.document, ?) AS v ON json_type(d.document, ?) <> 'object'"),
            "CASE v.type WHEN 'text' THEN v.atom WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' \
             WHEN 'integer' THEN CAST(v.atom AS TEXT) WHEN 'real' THEN CAST(v.atom AS TEXT) END",
        ))
    }
}
