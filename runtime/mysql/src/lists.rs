//! Many values in one statement of constant text: a JSON list is one parameter, which the statement reads as a table. So a batch costs
//! one round trip, and the statement is checked when it is compiled. `STRAIGHT_JOIN` says that the list comes first: the server
//! knows nothing of its length.

use serde::Serialize;

/// A statement is a fourth of what the server takes at most, and no longer than this: rows in between are not held up for long.
const MOST_BYTES: usize = 4 << 20;

/// A statement has this much beside the list, at most.
const TEXT: usize = 8 << 10;

/// JSON lists of all rows together, none of them longer than the server likes, unless a single row is: a row that the server
/// would not take at all is an error, because the server only closes the connection.
pub(crate) fn lists<R: Serialize>(
    packet: usize,
    rows: impl IntoIterator<Item = R>,
) -> Result<Vec<String>, sqlx::Error> {
    let most = (packet / 4).min(MOST_BYTES);
    let mut lists: Vec<String> = Vec::new();
    for row in rows {
        let row = serde_json::to_string(&row).map_err(|error| sqlx::Error::Encode(error.into()))?;
        if row.len() > packet.saturating_sub(TEXT) {
            return Err(sqlx::Error::Encode(format!("a text of {} bytes is too long for it", row.len()).into()));
        }
        match lists.last_mut().filter(|list| list.len() + row.len() < most) {
            Some(list) => {
                list.push(',');
                list.push_str(&row);
            }
            None => lists.push(format!("[{row}")),
        }
    }
    for list in &mut lists {
        list.push(']');
    }
    Ok(lists)
}

/// All of them in one list: for numbers and ids, of which a batch has few.
pub(crate) fn list<R: Serialize>(rows: impl IntoIterator<Item = R>) -> Result<String, sqlx::Error> {
    let mut lists = lists(usize::MAX, rows)?;
    Ok(lists.pop().unwrap_or_else(|| "[]".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_all_rows_in_their_order() {
        assert!(lists(10_000, [0; 0]).unwrap().is_empty());
        assert_eq!(lists(10_000, [1, 2, 3]).unwrap(), ["[1,2,3]"]);
        let texts = [1_000, 1_000, 1_800, 10].map(|length| "x".repeat(length));
        let lengths: Vec<usize> = lists(10_000, &texts[..2]).unwrap().iter().map(String::len).collect();
        assert_eq!(lengths, [2 * 1_002 + 3]);
        let lengths: Vec<usize> = lists(10_000, &texts).unwrap().iter().map(String::len).collect();
        assert_eq!(lengths, [2 * 1_002 + 3, 1_802 + 12 + 3]);
        assert!(lists(10_000, ["x".repeat(2_000)]).is_err());
        assert_eq!(list([(1, "a"), (2, "b")]).unwrap(), r#"[[1,"a"],[2,"b"]]"#);
        assert_eq!(list([0; 0]).unwrap(), "[]");
    }
}
