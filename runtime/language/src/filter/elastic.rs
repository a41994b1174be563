//! Filters as Elasticsearch queries: the meaning of [`Filter::matches`], asked of an index.
//!
//! | filter | query |
//! |---|---|
//! | `f = v` | `term`; of a list of values `terms` |
//! | `f > v` and the like | `range`; of booleans, which have but two values, `terms` |
//! | `f = "a*"` | `wildcard`, in which only `*` and `?` mean something |
//! | `f EXISTS` | `exists` |
//! | `f = g` | `script`: one common value in the doc values of both |
//! | AND, OR, negation | one `bool`: `filter`, `should`, `must_not`; nothing is scored |
//!
//! Where an index cannot know better, it decides:
//! - It has types by field, not by value: in a numeric field `"1"` is `1`, in a `keyword` or `flattened` field numbers are
//!   texts, and ordered as such.
//! - It has no positions in lists: `tags.values.0` finds nothing there. Of a list of objects it sees the fields of all.
//! - An object without fields does not exist for it.
//! - The bounds of BETWEEN stay two queries: in a list, as in memory, two elements may satisfy them.

use serde_json::{Value, json};
use tracardi_model::{Map, Path};

use super::{Filter, Literal, Pattern, Relation};

/// Doc values are empty where a document has no value, and absent where no document has.
const SAME: &str = "if (!doc.containsKey(params.left) || !doc.containsKey(params.right)) { return false; } \
                    for (def one : doc[params.left]) { for (def other : doc[params.right]) { if (one == other) { return true; } } } \
                    return false;";

/// The query for a filter. `exact` names the field of the index that has the exact values of a path: the path itself for
/// `keyword`, numbers, dates and below `flattened`, its twin `….keyword` where the mapping has it as a text.
#[must_use]
pub fn to_query(filter: &Filter, exact: &dyn Fn(&Path) -> String) -> Value {
    Compiler { exact }.query(filter)
}

struct Compiler<'a> {
    exact: &'a dyn Fn(&Path) -> String,
}

/// What must and what must not match.
#[derive(Default)]
struct Demands {
    filter: Vec<Value>,
    must_not: Vec<Value>,
}

impl Compiler<'_> {
    fn query(&self, filter: &Filter) -> Value {
        match filter {
            Filter::All(_) | Filter::Not(_) => {
                let mut demands = Demands::default();
                self.demand(filter, &mut demands);
                demands.into_query()
            }
            Filter::Any(_) => self.any(filter),
            Filter::Compare { field, relation, value } => self.compare(field, *relation, value),
            Filter::Like { field, pattern } => single("wildcard", self.name(field), json!({"value": escaped(pattern)})),
            Filter::Same { left, right } => {
                let params = json!({"left": self.name(left), "right": self.name(right)});
                json!({"script": {"script": {"lang": "painless", "source": SAME, "params": params}}})
            }
            Filter::Exists(field) => json!({"exists": {"field": self.name(field)}}),
        }
    }

    /// All that is asked by a filter that must hold.
    fn demand(&self, filter: &Filter, demands: &mut Demands) {
        match filter {
            Filter::All(parts) => parts.iter().for_each(|part| self.demand(part, demands)),
            Filter::Not(part) => self.refuse(part, demands),
            part => demands.filter.push(self.query(part)),
        }
    }

    /// All that is asked by a filter that must not hold.
    fn refuse(&self, filter: &Filter, demands: &mut Demands) {
        match filter {
            Filter::Any(parts) if !is_one_of(parts.iter()) => parts.iter().for_each(|part| self.refuse(part, demands)),
            Filter::Not(part) => self.demand(part, demands),
            part => demands.must_not.push(self.query(part)),
        }
    }

    fn any(&self, filter: &Filter) -> Value {
        let mut parts = Vec::new();
        alternatives(filter, &mut parts);
        match parts.as_slice() {
            [] => nothing(),
            [part] => self.query(part),
            [Filter::Compare { field, .. }, ..] if is_one_of(parts.iter().copied()) => {
                let values = parts.iter().filter_map(|part| equals(part)).map(|(_, value)| literal(value)).collect();
                single("terms", self.name(field), values)
            }
            _ => {
                let queries: Vec<Value> = parts.iter().map(|part| self.query(part)).collect();
                json!({"bool": {"should": queries, "minimum_should_match": 1}})
            }
        }
    }

    fn compare(&self, field: &Path, relation: Relation, value: &Literal) -> Value {
        let name = self.name(field);
        let bound = match relation {
            Relation::Equal => return single("term", name, json!({"value": literal(value)})),
            Relation::Less => "lt",
            Relation::LessOrEqual => "lte",
            Relation::Greater => "gt",
            Relation::GreaterOrEqual => "gte",
        };
        if let Literal::Boolean(wanted) = value {
            let holds = |found: &bool| relation.holds(Some(found.cmp(wanted)));
            let values: Vec<bool> = [false, true].into_iter().filter(holds).collect();
            return if values.is_empty() { nothing() } else { single("terms", name, values.into()) };
        }
        single("range", name, json!({ (bound): literal(value) }))
    }

    fn name(&self, field: &Path) -> String {
        (self.exact)(field)
    }
}

impl Demands {
    fn into_query(mut self) -> Value {
        match (self.filter.len(), self.must_not.len()) {
            (0, 0) => json!({"match_all": {}}),
            (1, 0) => self.filter.pop().unwrap_or_default(),
            (_, 0) => json!({"bool": {"filter": self.filter}}),
            (0, _) => json!({"bool": {"must_not": self.must_not}}),
            _ => json!({"bool": {"filter": self.filter, "must_not": self.must_not}}),
        }
    }
}

fn nothing() -> Value {
    json!({"match_none": {}})
}

/// A query on one field: `{query: {field: body}}`.
fn single(query: &str, field: String, body: Value) -> Value {
    let mut by_field = Map::new();
    by_field.insert(field, body);
    json!({ (query): by_field })
}

/// The parts of OR, those of an OR inside it included.
fn alternatives<'a>(filter: &'a Filter, parts: &mut Vec<&'a Filter>) {
    match filter {
        Filter::Any(inner) => inner.iter().for_each(|part| alternatives(part, parts)),
        part => parts.push(part),
    }
}

/// Field and value, if the filter asks for equality.
fn equals(filter: &Filter) -> Option<(&Path, &Literal)> {
    match filter {
        Filter::Compare { field, relation: Relation::Equal, value } => Some((field, value)),
        _ => None,
    }
}

/// Whether all parts ask for a value of the same field.
fn is_one_of<'a>(mut parts: impl Iterator<Item = &'a Filter>) -> bool {
    let Some((first, _)) = parts.next().and_then(equals) else { return false };
    parts.all(|part| equals(part).is_some_and(|(field, _)| field == first))
}

fn literal(value: &Literal) -> Value {
    match value {
        Literal::Text(text) => Value::from(text.as_str()),
        // A `keyword` has the text of the document, which is 5 more often than 5.0.
        #[allow(clippy::cast_possible_truncation, reason = "a whole number within the range of exact ones")]
        Literal::Number(number) if number.fract() == 0.0 && number.abs() < EXACT => Value::from(*number as i64),
        Literal::Number(number) => Value::from(*number),
        Literal::Boolean(yes) => Value::from(*yes),
    }
}

/// Below this floats are exact as whole numbers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A backslash, a character like others here, would take the next one its meaning there.
fn escaped(pattern: &Pattern) -> String {
    pattern.as_str().replace('\\', "\\\\")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::parse;
    use super::*;

    #[test]
    fn queries() {
        let texts = [
            "",
            "type = \"page-view\"",
            "type != \"page-view\"",
            "n = 5",
            "n = -1.5",
            "t = true",
            "type = \"page-*\"",
            "path != \"C:\\*.?xe\"",
            "n > 1",
            "n BETWEEN 1 AND 2",
            "metadata.time.insert >= datetime(\"2026-01-31T10:00:00Z\")",
            "t > false",
            "t < false",
            "type = [\"a\", \"b\"]",
            "type != [\"a\", \"b\"]",
            "type = []",
            "type = [\"a\", \"b*\"]",
            "a EXISTS",
            "a IS NULL",
            "a != NULL",
            "session.id = profile.id",
            "session.id != profile.id",
            "a = 1 AND (b = 2 AND c != 3) AND d NOT EXISTS",
            "a = 1 OR (b = 2 OR c != 3)",
            "a = 1 AND (b = 2 OR c = 3)",
            "a = 1 OR (b = 2 AND c = 3)",
            "name.keyword = \"x\"",
        ];
        let shown = texts.map(|text| {
            let query = to_query(&parse(text).unwrap(), &|path| path.to_string());
            format!("{text}\n    {query}\n")
        });
        insta::assert_snapshot!(shown.concat());
    }

    #[test]
    fn the_index_names_its_fields() {
        let twin = |path: &Path| match path.as_str() {
            traits if traits.starts_with("traits.") => format!("{traits}.keyword"),
            other => other.to_owned(),
        };
        let query = to_query(&parse("traits.a = \"x\" AND type = traits.b.keyword").unwrap(), &twin);
        assert_eq!(query["bool"]["filter"][0], json!({"term": {"traits.a.keyword": {"value": "x"}}}));
        let params = &query["bool"]["filter"][1]["script"]["script"]["params"];
        assert_eq!(*params, json!({"left": "type", "right": "traits.b.keyword"}));
    }

    #[test]
    fn negations_of_negations_disappear() {
        let not = |filter| Filter::Not(Box::new(filter));
        let exists = || Filter::Exists(Path::parse("a").unwrap());
        let plain = |path: &Path| path.to_string();
        assert_eq!(to_query(&not(not(exists())), &plain), json!({"exists": {"field": "a"}}));
        assert_eq!(to_query(&not(Filter::All(vec![])), &plain), json!({"bool": {"must_not": [{"match_all": {}}]}}));
        let neither = to_query(&not(Filter::Any(vec![exists(), not(exists())])), &plain);
        let exists = json!([{"exists": {"field": "a"}}]);
        assert_eq!(neither, json!({"bool": {"filter": exists, "must_not": exists}}));
    }
    /// The filter of a query on one field, read back.
    fn read(query: &str, field: &str, body: &Value) -> Filter {
        let path = || Path::parse(field).unwrap();
        let value = |value: &Value| match value {
            Value::String(text) => Literal::Text(text.clone()),
            Value::Bool(yes) => Literal::Boolean(*yes),
            number => Literal::Number(number.as_f64().unwrap()),
        };
        let compare = |relation, wanted| Filter::Compare { field: path(), relation, value: value(wanted) };
        match query {
            "term" => compare(Relation::Equal, &body["value"]),
            "terms" => {
                Filter::Any(body.as_array().unwrap().iter().map(|wanted| compare(Relation::Equal, wanted)).collect())
            }
            "range" => {
                let (bound, wanted) = body.as_object().unwrap().iter().next().unwrap();
                let bounds = [
                    ("lt", Relation::Less),
                    ("lte", Relation::LessOrEqual),
                    ("gt", Relation::Greater),
                    ("gte", Relation::GreaterOrEqual),
                ];
                compare(bounds.iter().find(|(name, _)| name == bound).unwrap().1, wanted)
            }
            "wildcard" => {
                let pattern = body["value"].as_str().unwrap().replace("\\\\", "\\");
                Filter::Like { field: path(), pattern: Pattern::new(pattern) }
            }
            other => unreachable!("{other}"),
        }
    }

    /// Whether a document passes a query, as Elasticsearch's documentation has it.
    fn passes(query: &Value, document: &Value) -> bool {
        let (name, body) = query.as_object().unwrap().iter().next().unwrap();
        let path = |value: &Value| Path::parse(value.as_str().unwrap()).unwrap();
        let all = |key: &str| body[key].as_array().map(Vec::as_slice).unwrap_or_default();
        match name.as_str() {
            "match_all" => true,
            "match_none" => false,
            "bool" => {
                all("filter").iter().all(|part| passes(part, document))
                    && !all("must_not").iter().any(|part| passes(part, document))
                    && (body["should"].is_null() || all("should").iter().any(|part| passes(part, document)))
            }
            "exists" => Filter::Exists(path(&body["field"])).matches(document),
            "script" => {
                let params = &body["script"]["params"];
                Filter::Same { left: path(&params["left"]), right: path(&params["right"]) }.matches(document)
            }
            query => {
                let (field, body) = body.as_object().unwrap().iter().next().unwrap();
                read(query, field, body).matches(document)
            }
        }
    }

    fn filters() -> impl Strategy<Value = Filter> {
        let field = || "[ab]".prop_map(|name| Path::parse(&name).unwrap());
        let value = prop_oneof![
            "[xy]{0,2}".prop_map(Literal::Text),
            (0..3_i32).prop_map(|number| Literal::Number(f64::from(number) / 2.0)),
            any::<bool>().prop_map(Literal::Boolean),
        ];
        let relation = prop::sample::select(vec![
            Relation::Equal,
            Relation::Equal,
            Relation::Less,
            Relation::LessOrEqual,
            Relation::Greater,
            Relation::GreaterOrEqual,
        ]);
        let leaf = prop_oneof![
            3 => (field(), relation, value).prop_map(|(field, relation, value)| Filter::Compare { field, relation, value }),
            1 => (field(), "[xy?]?[*\\\\]{1,2}").prop_map(|(field, text)| Filter::Like { field, pattern: Pattern::new(text) }),
            1 => (field(), field()).prop_map(|(left, right)| Filter::Same { left, right }),
            1 => field().prop_map(Filter::Exists),
        ];
        leaf.prop_recursive(4, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
                inner.prop_map(|part| Filter::Not(Box::new(part))),
            ]
        })
    }

    fn documents() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3_i32).prop_map(|number| Value::from(f64::from(number) / 2.0)),
            "[xy\\\\]{0,2}".prop_map(Value::from),
        ];
        let value = prop_oneof![scalar.clone(), prop::collection::vec(scalar, 0..3).prop_map(Value::from)];
        prop::collection::vec(("[ab]", value), 0..3).prop_map(|members| Value::Object(members.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn queries_mean_what_filters_mean(filter in filters(), document in documents()) {
            let query = to_query(&filter, &|path| path.to_string());
            prop_assert_eq!(passes(&query, &document), filter.matches(&document), "{}", query);
        }
    }
}
