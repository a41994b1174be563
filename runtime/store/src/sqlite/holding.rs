//! Conditions as SQL: the meaning of [`Condition::evaluate`], asked of the stored text (a property test compares the two).
//!
//! SQL makes a *verdict* of a condition, a number:
//!
//! | | |
//! |---|---|
//! | 1 | true |
//! | 2 | no answer, because a field is missing |
//! | 3 | left open: the condition itself is asked, in memory, with the document |
//! | 4 | false |
//! | NULL | an error: types that do not fit |
//!
//! In this order the verdict of AND is the greatest of its parts, and that of OR is the first that is not false; an error in any
//! part is an error of the whole, as NULL is in SQL.
//!
//! What is said in SQL, and what is left open, is told test by test in [`super::verdict`]. So a document is parsed in memory
//! only where a test that is left open decides; the others are counted where they are. If such a test may turn out to be an
//! error (functions, two fields), which would make the whole an error whatever the rest says, also those are asked that seem true.

use futures::TryStreamExt as _;
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use tracardi_language::condition::Condition;
use tracardi_model::Context;

use super::condition::Condition as Sql;
use super::failure::failed;
use super::query::{restriction, table};
use super::{MAX_PAGE, Sqlite};
use crate::columns::unreadable;
use crate::{Holding, Index, Matching, Page, StoreError};

/// Parts that are joined at once: longer chains are joined in groups, because SQLite bounds the depth of an expression.
const WIDTH: usize = 8;

/// How the verdicts of parts become one.
struct Joint {
    /// Of no parts.
    nothing: &'static str,
    begin: &'static str,
    between: &'static str,
    end: &'static str,
}

const ALL: Joint = Joint { nothing: "1", begin: "max(", between: ", ", end: ")" };
/// The digits in a row, without the false ones in front.
const ANY: Joint =
    Joint { nothing: "4", begin: "CAST(substr(ltrim(", between: " || ", end: ", '4') || '4', 1, 1) AS INTEGER)" };

impl Sql {
    /// The verdict of a condition about the document.
    pub(super) fn verdict(&mut self, condition: &Condition) {
        match condition {
            Condition::All(parts) => self.join(&ALL, parts),
            Condition::Any(parts) => self.join(&ANY, parts),
            test => self.test(test),
        }
    }

    fn join(&mut self, joint: &Joint, parts: &[Condition]) {
        match parts {
            [] => self.push(joint.nothing),
            [part] => self.verdict(part),
            _ => {
                self.push(joint.begin);
                for (at, group) in parts.chunks(parts.len().div_ceil(WIDTH)).enumerate() {
                    if at > 0 {
                        self.push(joint.between);
                    }
                    self.join(joint, group);
                }
                self.push(joint.end);
            }
        }
    }
}

/// Number of a row, length of its document, and the document where it is to be asked in memory; newest first.
fn candidates(context: Context, index: Index, condition: &Condition) -> Result<Sql, StoreError> {
    let mut verdict = Sql::new(index);
    verdict.verdict(condition);
    let asked = if verdict.unsure { "d.document" } else { "CASE verdict.atom WHEN 3 THEN d.document END" };
    let mut sql = Sql::new(index);
    sql.push(&format!("SELECT d.rowid, octet_length(d.document), {asked} FROM {} AS d ", table(index)));
    // The list of one is how SQLite can name a value of the row, so that it is found once.
    sql.push("CROSS JOIN json_each(json_array(");
    sql.append(verdict);
    sql.push(")) AS verdict WHERE ");
    sql.append(restriction(context, index, None, None, &Matching::Everything)?);
    sql.push(" AND verdict.atom IN (1, 3) ORDER BY d.inserted DESC, d.rowid DESC");
    Ok(sql)
}

impl Sqlite {
    pub(super) async fn page_of_holding(
        &self,
        context: Context,
        index: Index,
        holding: &Holding,
    ) -> Result<Page, StoreError> {
        holding.check(index)?;
        let statement = candidates(context, index, &holding.condition)?.into_statement("")?;
        let mut reader = self.reader().await?;
        let mut rows = sqlx::query_as_with(AssertSqlSafe(statement.text), statement.arguments)
            .persistent(false)
            .fetch(&mut *reader);
        let (mut total, mut page) = (0_u64, Vec::new());
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let (row, length, open): (i64, i64, Option<String>) = row;
            if let Some(document) = open {
                // Each costs some time, and rows may come faster than they are looked at.
                tokio::task::coop::consume_budget().await;
                if !holds(index, &document, holding)? {
                    continue;
                }
            }
            if total >= holding.start && (page.len() as u64) < holding.limit.min(MAX_PAGE) {
                page.push((row, length));
            }
            total += 1;
        }
        drop(rows);
        Ok(Page { total, result: self.documents(&mut reader, index, page).await? })
    }
}

fn holds(index: Index, document: &str, holding: &Holding) -> Result<bool, StoreError> {
    let document: Value =
        serde_json::from_str(document).map_err(|error| unreadable(table(index), "document", error))?;
    let scope = Value::Object(Map::from_iter([(index.source().name().to_owned(), document)]));
    Ok(holding.condition.evaluate(&scope, holding.now) == Ok(true))
}
