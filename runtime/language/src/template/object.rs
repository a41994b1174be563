//! `{"email?": "profile@data.contact.email.main", "n": 1}` (spec/pipeline.md 7.5).

use serde_json::{Map, Value};

use super::budget::Budget;
use super::error::Trail;
use super::{MAX_DEPTH, MAX_VALUES, Problem, RenderError, TemplateError};
use crate::reference::Reference;
use crate::{Found, Scope};

/// A JSON value whose texts are [references](crate::reference); everything else in it is kept.
///
/// * A key that ends in `?` is left out when its value is missing or empty (null, false, 0, `""`, `[]`, `{}`); the `?` is
///   not part of the name. Of a list under such a key, the elements are left out.
/// * An object without members is left out, empty lists are kept.
/// * Keys are kept literally, dots too.
///
/// The whole template is an object, a list, a text or null.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectTemplate(Node);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Leaf(Reference),
    Object(Box<[Entry]>),
    List(Box<[Node]>),
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    name: Box<str>,
    optional: bool,
    node: Node,
}

/// What becomes of a reference that leads nowhere and is not optional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMissing {
    /// Rendering fails.
    Fail,
    /// It counts as null.
    Null,
}

/// How a template is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// References that lead nowhere.
    pub missing: OnMissing,
    /// Whether nulls are kept; otherwise members and elements that are null are left out.
    pub include_none: bool,
}

impl Mode {
    /// A missing value is an error.
    pub const STRICT: Self = Self { missing: OnMissing::Fail, include_none: true };
    /// A missing value is null.
    pub const DEFAULT: Self = Self { missing: OnMissing::Null, include_none: true };

    /// The same without nulls in the result.
    #[must_use]
    pub const fn without_none(self) -> Self {
        Self { include_none: false, ..self }
    }
}

impl ObjectTemplate {
    /// Reads a template.
    pub fn parse(template: &Value) -> Result<Self, TemplateError> {
        if !matches!(template, Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_)) {
            let message = format!("a template is an object, a list, a text or null, not {template}");
            return Err(TemplateError { pointer: String::new(), message });
        }
        let mut values = 0;
        Node::parse(template, 1, &mut values)
            .map(Self)
            .map_err(|trail| TemplateError { pointer: trail.pointer(), message: trail.error })
    }

    /// The value of the template for this scope; its JSON has at most about `bytes` bytes.
    pub fn render(&self, scope: &(impl Scope + ?Sized), mode: Mode, bytes: usize) -> Result<Value, RenderError> {
        let mut rendering = Rendering { scope, mode, budget: Budget::new(bytes) };
        let rendered = rendering
            .node(&self.0, false, 1)
            .map_err(|trail| RenderError { place: trail.pointer(), problem: trail.error })?;
        Ok(rendered.unwrap_or_else(|| match self.0 {
            Node::Object(_) => Value::Object(Map::new()),
            Node::Leaf(_) | Node::List(_) => Value::Null,
        }))
    }
}

impl Node {
    fn parse(template: &Value, depth: usize, values: &mut usize) -> Result<Self, Trail<String>> {
        *values += 1;
        if *values > MAX_VALUES {
            return Err(format!("a template has at most {MAX_VALUES} values").into());
        }
        if depth > MAX_DEPTH {
            return Err(format!("a template nests at most {MAX_DEPTH} deep").into());
        }
        Ok(match template {
            Value::String(text) => Self::Leaf(
                Reference::parse(text).map_err(|error| format!("`{}` is no reference: {}", text, error.message))?,
            ),
            Value::Array(elements) => Self::List(
                elements
                    .iter()
                    .enumerate()
                    .map(|(index, element)| {
                        Self::parse(element, depth + 1, values).map_err(|trail| trail.within(&index))
                    })
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(key, member)| {
                        let name = key.strip_suffix('?');
                        let node = Self::parse(member, depth + 1, values).map_err(|trail| trail.within(key))?;
                        Ok(Entry { name: name.unwrap_or(key).into(), optional: name.is_some(), node })
                    })
                    .collect::<Result<_, Trail<String>>>()?,
            ),
            constant => Self::Leaf(Reference::Literal(constant.clone())),
        })
    }
}

struct Rendering<'a, S: ?Sized> {
    scope: &'a S,
    mode: Mode,
    budget: Budget,
}

impl<S: Scope + ?Sized> Rendering<'_, S> {
    /// The value; none when it is to be left out.
    fn node(&mut self, node: &Node, optional: bool, depth: usize) -> Result<Option<Value>, Trail<Problem>> {
        match node {
            Node::Leaf(reference) => Ok(self.leaf(reference, optional, depth)?),
            Node::List(nodes) => {
                self.budget.take(2)?;
                let mut list = Vec::with_capacity(nodes.len());
                for (index, node) in nodes.iter().enumerate() {
                    list.extend(self.node(node, optional, depth + 1).map_err(|trail| trail.within(&index))?);
                }
                Ok(if optional && list.is_empty() { None } else { Some(Value::Array(list)) })
            }
            Node::Object(entries) => {
                self.budget.take(2)?;
                let mut map = Map::with_capacity(entries.len());
                for Entry { name, optional, node } in entries {
                    let step = || format!("{name}{}", if *optional { "?" } else { "" });
                    if let Some(value) = self.node(node, *optional, depth + 1).map_err(|trail| trail.within(&step()))? {
                        self.budget.take(name.len() + 4)?;
                        map.insert(name.to_string(), value);
                    }
                }
                Ok(if map.is_empty() { None } else { Some(Value::Object(map)) })
            }
        }
    }

    fn leaf(&mut self, reference: &Reference, optional: bool, depth: usize) -> Result<Option<Value>, Problem> {
        let found = match reference.resolve(self.scope) {
            Ok(found) => found,
            Err(_) if optional => return Ok(None),
            Err(_) if self.mode.missing == OnMissing::Null => Found::from(Value::Null),
            Err(missing) => return Err(Problem::Missing(missing.field.clone())),
        };
        if (optional && is_empty(&found)) || (!self.mode.include_none && is_null(&found)) {
            return Ok(None);
        }
        self.budget.take_found(&found, depth)?;
        Ok(Some(found.into_value()))
    }
}

fn is_null(found: &Found<'_>) -> bool {
    matches!(found, Found::Json(value) if value.is_null())
}

/// Null, false, 0 and whatever has no content.
fn is_empty(found: &Found<'_>) -> bool {
    match found {
        Found::Text(text) => text.is_empty(),
        Found::Json(value) => match &**value {
            Value::Null => true,
            Value::Bool(truth) => !truth,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn scope() -> Value {
        json!({
            "event": {"type": "page-view", "n": "5", "none": null, "zero": 0, "no": false, "empty": "", "object": {},
                      "list": [], "trap": "profile@id", "nested": {"a": [1, {"b": null}]}},
            "profile": {"id": "p"},
        })
    }

    fn render(template: &Value, mode: Mode) -> Result<Value, String> {
        let template = ObjectTemplate::parse(template).map_err(|error| error.to_string())?;
        template.render(&scope(), mode, 100_000).map_err(|error| error.to_string())
    }

    #[test]
    fn leaves_are_resolved() {
        let cases = [
            (json!("event@type"), json!("page-view")),
            (json!("text"), json!("text")),
            (json!("`event@n`"), json!(5)),
            (json!(null), json!(null)),
            (json!([]), json!([])),
            (json!({}), json!({})),
            (
                json!({"a": "event@type", "b": [1, "event@n", "`true`"], "c": null, "d": false, "e": 1.5}),
                json!({"a": "page-view", "b": [1, "5", true], "c": null, "d": false, "e": 1.5}),
            ),
            (
                json!({"a": "event@nested", "b.c": "event@nested.a.1.b"}),
                json!({"a": {"a": [1, {"b": null}]}, "b.c": null}),
            ),
            (json!({"a": "event@trap"}), json!({"a": "profile@id"})),
            (json!({"a": "event@object", "b": "event@list", "c": []}), json!({"a": {}, "b": [], "c": []})),
            (json!({"a": {}, "b": {"c": {}}, "d": [{}, 1, []]}), json!({"d": [1, []]})),
            (json!([{}]), json!([])),
        ];
        for (template, expected) in cases {
            assert_eq!(render(&template, Mode::STRICT), Ok(expected), "{template}");
        }
    }

    #[test]
    fn optional_keys_are_left_out() {
        let cases = [
            (
                json!({"a?": "event@type", "b?": "event@missing", "c?": "event@none", "d?": "event@zero", "e?": "event@no",
                    "f?": "event@empty", "g?": "event@object", "h?": "event@list", "i?": 0, "j?": null}),
                json!({"a": "page-view"}),
            ),
            (json!({"a?": ["event@type", "event@missing", "event@zero", 0, 1]}), json!({"a": ["page-view", 1]})),
            (json!({"a?": ["event@missing"], "b?": []}), json!({})),
            (json!({"a": {"b?": "event@missing"}, "c": 1}), json!({"c": 1})),
            (json!({"a?": {"b": "event@type"}}), json!({"a": {"b": "page-view"}})),
            (json!({"a": 1, "a?": "event@missing"}), json!({"a": 1})),
            (json!({"a": 1, "a?": "event@n"}), json!({"a": "5"})),
            (json!({"?": 1, "a??": 2}), json!({"": 1, "a?": 2})),
        ];
        for (template, expected) in cases {
            assert_eq!(render(&template, Mode::STRICT), Ok(expected), "{template}");
        }
    }

    #[test]
    fn modes() {
        let template =
            json!({"a": "event@missing", "b": ["event@none", "event@type"], "c": {"d": "event@x"}, "e": null});
        let strict = render(&template, Mode::STRICT).unwrap_err();
        assert_eq!(strict, "at /a: there is no `event@missing`");
        let default = json!({"a": null, "b": [null, "page-view"], "c": {"d": null}, "e": null});
        assert_eq!(render(&template, Mode::DEFAULT), Ok(default));
        assert_eq!(render(&template, Mode::DEFAULT.without_none()), Ok(json!({"b": ["page-view"]})));
        assert_eq!(render(&json!("event@missing"), Mode::DEFAULT), Ok(json!(null)));
        assert_eq!(render(&json!("event@none"), Mode::STRICT.without_none()), Ok(json!(null)));
        assert_eq!(render(&json!({"a": null}), Mode::STRICT.without_none()), Ok(json!({})));
        assert_eq!(
            render(&json!({"a": "event@missing"}), Mode::STRICT.without_none()),
            Err("at /a: there is no `event@missing`".to_owned())
        );
    }

    #[test]
    fn errors_point_at_the_place() {
        let nested = |levels: usize| (0..levels).fold(json!("x"), |inner, _| json!({"a": inner}));
        let cases = [
            (json!(1), "a template is an object, a list, a text or null, not 1"),
            (json!(true), "not true"),
            (json!({"a": [1, {"b/c~": "event@"}]}), "at /a/1/b~1c~0: `event@` is no reference: a name is missing"),
            (json!({"a?": ["event@missing.x", {"b": "event@missing"}]}), "at /a?/1/b: there is no `event@missing`"),
            (nested(MAX_DEPTH), "nests at most 64 deep"),
            (json!(vec![1; MAX_VALUES]), "at most 10000 values"),
        ];
        for (template, part) in cases {
            let error = render(&template, Mode::STRICT).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(render(&nested(MAX_DEPTH - 1), Mode::STRICT), Ok(nested(MAX_DEPTH - 1)));
    }

    #[test]
    fn ten_thousand_levels_are_refused_without_a_crash() {
        let deep = (0..10_000).fold(json!(1), |inner, _| Value::Array(vec![inner]));
        assert!(ObjectTemplate::parse(&deep).unwrap_err().message.contains("deep"));
        let template = ObjectTemplate::parse(&json!({"a": "memory@..."})).unwrap();
        let scope = Value::Object(Map::from_iter([("memory".to_owned(), deep)]));
        let error = template.render(&scope, Mode::STRICT, 1_000_000).unwrap_err();
        assert_eq!((&*error.place, error.problem), ("/a", Problem::TooDeep));
        // Taking 10,000 levels apart needs a deep stack itself.
        std::mem::forget(scope);
    }

    #[test]
    fn many_references_to_a_large_document_stay_within_the_budget() {
        let scope = json!({"profile": {"data": vec!["x".repeat(100); 1_000]}});
        let template = ObjectTemplate::parse(&json!(vec!["profile@..."; 1_000])).unwrap();
        let error = template.render(&scope, Mode::STRICT, 1 << 20).unwrap_err();
        assert_eq!((&*error.place, error.problem), ("/10", Problem::TooLarge(1 << 20)));
        let single = ObjectTemplate::parse(&json!("profile@...")).unwrap();
        assert_eq!(single.render(&scope, Mode::STRICT, 1 << 20).as_ref(), Ok(&scope["profile"]));
    }

    /// JSON without references, with empty objects and odd keys.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z`0 ]{0,4}".prop_filter("no cast", |text| !text.starts_with('`')).prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c.]{0,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The value without the objects that have no members.
    fn without_empty_objects(value: &Value) -> Option<Value> {
        match value {
            Value::Array(list) => Some(list.iter().filter_map(without_empty_objects).collect()),
            Value::Object(map) => {
                let kept: Map<String, Value> =
                    map.iter().filter_map(|(key, value)| Some((key.clone(), without_empty_objects(value)?))).collect();
                if kept.is_empty() { None } else { Some(Value::Object(kept)) }
            }
            other => Some(other.clone()),
        }
    }

    proptest! {
        #[test]
        fn a_template_without_references_is_itself(value in values()) {
            let template = json!({"value": value});
            let expected = without_empty_objects(&template).unwrap_or(json!({}));
            prop_assert_eq!(render(&template, Mode::STRICT), Ok(expected));
        }

        #[test]
        fn the_result_is_bounded(value in values(), reference in "(event|profile)@(nested|list|\\.\\.\\.)", bytes in 0_usize..400) {
            let template = ObjectTemplate::parse(&json!({"a": value, "b?": [reference.clone()], "c": reference})).unwrap();
            if let Ok(rendered) = template.render(&scope(), Mode::DEFAULT, bytes) {
                prop_assert!(rendered.to_string().len() <= 3 * bytes);
            }
        }
    }
}
