//! What becomes of the values at a place. The names are those of the original's later versions (spec/pipeline.md 4.7).

/// How values of several profiles become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// LAST_UPDATE: the latest change wins. Said of an object: as a whole, because its members belong together.
    LastUpdate,
    /// As LAST_UPDATE, for entries under free names: an entry counts by being there, even if nothing stands in it.
    LastUpdateOfEntry,
    /// SUM of the numbers.
    Sum,
    /// FIRST_DATETIME: the earliest.
    FirstDatetime,
    /// LAST_DATETIME: the latest.
    LastDatetime,
    /// OR: true if it is somewhere.
    Or,
}

use Strategy::{FirstDatetime, LastDatetime, LastUpdate, LastUpdateOfEntry, Or, Sum};

/// The exceptions from the rules by type; `*` is any name. A strategy holds for the place and all below.
///
/// Sums are counters and values that are sums of events; a height, a salary, a coordinate is not. The points of a
/// loyalty card are the card's balance as its issuer told it, so they go with the card.
const TABLE: [(&str, Strategy); 17] = [
    ("active", Or),
    ("metadata.time.insert", FirstDatetime),
    ("metadata.time.create", FirstDatetime),
    ("metadata.time.segmentation", LastDatetime),
    ("metadata.time.visit.current", LastDatetime),
    ("metadata.time.visit.count", Sum),
    ("stats", Sum),
    ("interests", Sum),
    ("consents.*", LastUpdateOfEntry),
    ("data.devices.last.geo", LastUpdate),
    ("data.loyalty.card", LastUpdate),
    ("data.metrics.ltv", Sum),
    ("data.metrics.ltcosc", Sum),
    ("data.metrics.ltcocc", Sum),
    ("data.metrics.ltcosv", Sum),
    ("data.metrics.ltcocv", Sum),
    ("data.metrics.custom.*", LastUpdateOfEntry),
];

/// The strategy of a place; none: by the type of the values.
pub(super) fn of(path: &[&str]) -> Option<Strategy> {
    let holds = |pattern: &str| {
        let mut names = path.iter();
        pattern.split('.').all(|part| names.next().is_some_and(|name| part == "*" || part == *name))
    };
    TABLE.iter().find(|(pattern, _)| holds(pattern)).map(|(_, strategy)| *strategy)
}

#[cfg(test)]
mod tests {
    use tracardi_model::record::Node;
    use tracardi_model::{Path, Profile};

    use super::*;

    #[test]
    fn a_strategy_holds_for_all_below() {
        assert_eq!(of(&["stats", "counters", "a"]), Some(Sum));
        assert_eq!(of(&["consents", "marketing"]), Some(LastUpdateOfEntry));
        assert_eq!(of(&["consents"]), None);
        assert_eq!(of(&["data", "metrics", "ltcop"]), None);
    }

    #[test]
    fn every_place_of_the_table_exists() {
        for (pattern, _) in TABLE {
            let path = Path::parse(pattern.trim_end_matches(".*")).unwrap();
            assert!(Profile::default().get(path.segments()).is_some(), "{pattern}");
        }
    }
}
