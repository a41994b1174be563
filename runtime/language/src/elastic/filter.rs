//! Filters as queries: the meaning of [`Filter::matches`], asked of an index.

use jiff::Timestamp;
use tracardi_model::{Path, time};

use super::spot::{Mark, Order, Spot};
use super::{Known, Mapping, Queries, Query};
use crate::filter::{Filter, Literal, Relation};

/// The queries for a filter.
#[must_use]
pub fn to_queries(filter: &Filter, mapping: Mapping<'_>) -> Queries {
    known(filter, mapping).into_queries()
}

fn known(filter: &Filter, mapping: Mapping<'_>) -> Known {
    let each = |parts: &[Filter]| parts.iter().map(|part| known(part, mapping)).collect::<Vec<_>>();
    match filter {
        Filter::All(parts) => Known::every(each(parts)),
        Filter::Any(parts) => Known::any(each(parts)),
        Filter::Not(part) => known(part, mapping).not(),
        Filter::Compare { field, relation, value } => timed(field, *relation, value, mapping)
            .unwrap_or_else(|| of_values(field, mapping, |spot, mark| compared(spot, mark, *relation, value))),
        Filter::Like { field, pattern } => of_values(field, mapping, |spot, mark| spot.like(mark, pattern)),
        // Which values they are, the index does not compare.
        Filter::Same { left, right } => {
            let both = [left, right].map(|field| exists(field, mapping).possible);
            Known::at_most(Query::every(both))
        }
        Filter::Exists(field) => exists(field, mapping),
    }
}

fn exists(field: &Path, mapping: Mapping<'_>) -> Known {
    match mapping.time {
        Some(time) if time.path == field.as_str() => time.known(Query::exists(time.field)),
        _ => of_values(field, mapping, |spot, mark| Known::exactly(spot.value(mark))),
    }
}

/// What is said of the value of a field, or of one of the elements of its list.
fn of_values(field: &Path, mapping: Mapping<'_>, said: impl Fn(&Spot<'_>, Mark) -> Known) -> Known {
    match Spot::of(mapping.facts, field) {
        Some(spot) => Known::any(Mark::BOTH.map(|mark| said(&spot, mark))),
        None => Known::at_most(Query::Everything),
    }
}

fn compared(spot: &Spot<'_>, mark: Mark, relation: Relation, value: &Literal) -> Known {
    let order = match relation {
        Relation::Equal => {
            return match value {
                Literal::Text(text) => spot.text(mark, text),
                Literal::Number(number) => Known::exactly(spot.number(mark, *number)),
                Literal::Boolean(yes) => Known::exactly(spot.boolean(mark, *yes)),
            };
        }
        Relation::Less => Order::Less,
        Relation::LessOrEqual => Order::LessOrEqual,
        Relation::Greater => Order::Greater,
        Relation::GreaterOrEqual => Order::GreaterOrEqual,
    };
    match value {
        Literal::Text(text) => spot.text_order(mark, order, text),
        Literal::Number(number) => Known::exactly(spot.number_order(mark, order, *number)),
        Literal::Boolean(yes) => Known::exactly(spot.boolean_order(mark, order, yes)),
    }
}

/// Texts of the stored format are ordered as the times they stand for; what is compared with others is compared as text.
fn timed(field: &Path, relation: Relation, value: &Literal, mapping: Mapping<'_>) -> Option<Known> {
    let (Some(own), Literal::Text(text)) = (mapping.time.filter(|own| own.path == field.as_str()), value) else {
        return None;
    };
    let instant = text.parse::<Timestamp>().ok().filter(|instant| time::format(*instant) == *text)?.as_microsecond();
    let bounds = match relation {
        Relation::Equal => vec![("gte", instant), ("lte", instant)],
        Relation::Less => vec![("lt", instant)],
        Relation::LessOrEqual => vec![("lte", instant)],
        Relation::Greater => vec![("gt", instant)],
        Relation::GreaterOrEqual => vec![("gte", instant)],
    };
    Some(own.known(Query::range(own.field, bounds)))
}
