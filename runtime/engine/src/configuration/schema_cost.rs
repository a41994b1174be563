//! What it may cost to check one value against a JSON Schema. The checker remembers what it found of a list or an object, but
//! not of texts and numbers: there, forty definitions that each ask for the next one twice are a million million checks. And
//! when it is to say what is wrong, it remembers nothing.

use serde_json::Value;

/// Subschemas that are met.
const MAX_STEPS: usize = 100_000;

/// Whether the cost of a check is within bounds: each subschema is entered once, with all that it asks of the same value.
pub(super) fn is_bearable(schema: &Value) -> bool {
    let mut walk = Walk::of(schema, false);
    walk.each(schema).is_some()
}

/// Whether it is also within bounds to say what is wrong with a value: no reference leads back, and all of them followed the
/// schema is not too large.
pub(super) fn is_told(schema: &Value) -> bool {
    let mut walk = Walk::of(schema, true);
    walk.one(schema).is_some() && !walk.circular
}

struct Walk<'a> {
    root: &'a Value,
    /// What is asked of the parts of a value, too.
    parts: bool,
    left: usize,
    /// Targets of references that are being followed: a circle ends where it began.
    entered: Vec<&'a Value>,
    circular: bool,
}

impl<'a> Walk<'a> {
    fn of(root: &'a Value, parts: bool) -> Self {
        Self { root, parts, left: MAX_STEPS, entered: Vec::new(), circular: false }
    }

    /// Enters every subschema. None when there are too many steps.
    fn each(&mut self, value: &'a Value) -> Option<()> {
        self.one(value)?;
        match value {
            Value::Object(members) => members.values().try_for_each(|member| self.each(member)),
            Value::Array(elements) => elements.iter().try_for_each(|element| self.each(element)),
            _ => Some(()),
        }
    }

    /// What a subschema asks of the value that it is given.
    fn one(&mut self, schema: &'a Value) -> Option<()> {
        match schema {
            Value::Array(elements) => return elements.iter().try_for_each(|element| self.one(element)),
            Value::Object(_) => self.left = self.left.checked_sub(1)?,
            _ => return Some(()),
        }
        for (name, member) in schema.as_object().into_iter().flatten() {
            match (name.as_str(), member) {
                ("$ref" | "$dynamicRef", Value::String(reference)) => self.follow(reference)?,
                ("$defs", _) => {}
                ("allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else", part) => self.one(part)?,
                ("dependentSchemas", Value::Object(parts)) => parts.values().try_for_each(|part| self.one(part))?,
                (_, part) if self.parts => self.one(part)?,
                _ => {}
            }
        }
        Some(())
    }

    fn follow(&mut self, reference: &str) -> Option<()> {
        let target = match reference.strip_prefix('#') {
            Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => self.root.pointer(pointer),
            Some(anchor) => anchored(self.root, anchor),
            // What is not in this schema is not fetched either.
            None => None,
        };
        let Some(target) = target else { return Some(()) };
        if self.entered.iter().any(|entered| std::ptr::eq(*entered, target)) {
            self.circular = true;
            return Some(());
        }
        self.entered.push(target);
        self.one(target)?;
        self.entered.pop();
        Some(())
    }
}

/// The subschema of that name.
fn anchored<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    match schema {
        Value::Object(members) => {
            let named =
                ["$anchor", "$dynamicAnchor"].iter().any(|key| members.get(*key).is_some_and(|anchor| anchor == name));
            if named { Some(schema) } else { members.values().find_map(|member| anchored(member, name)) }
        }
        Value::Array(elements) => elements.iter().find_map(|element| anchored(element, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Definitions that each ask for the next one twice.
    fn doubling(levels: usize, reference: impl Fn(usize) -> String) -> Value {
        let mut definitions = serde_json::Map::new();
        for level in 0..levels {
            let next = json!({"$ref": reference(level + 1)});
            definitions.insert(format!("d{level}"), json!({"$anchor": format!("d{level}"), "anyOf": [next, next]}));
        }
        definitions.insert(format!("d{levels}"), json!({"$anchor": format!("d{levels}"), "const": 1}));
        json!({"$defs": definitions, "$ref": reference(0)})
    }

    #[test]
    fn what_doubles_forty_times_is_too_much() {
        for reference in [|level| format!("#/$defs/d{level}"), |level| format!("#d{level}")] {
            assert!(is_bearable(&doubling(10, reference)));
            assert!(!is_bearable(&doubling(40, reference)));
        }
        let both = json!({"$ref": "#/$defs/d0"});
        let mut ways = doubling(40, |level| format!("#/$defs/d{level}"));
        for keyword in ["not", "if", "then", "else"] {
            ways["$defs"]["d3"] = json!({(keyword): {"$ref": "#/$defs/d4"}, "dependentSchemas": {"a": both}});
            assert!(!is_bearable(&ways), "{keyword}");
        }
    }

    #[test]
    fn what_doubles_from_part_to_part_is_not_told() {
        for levels in [10, 40] {
            let mut schema = doubling(levels, |level| format!("#/$defs/d{level}"));
            for level in 0..levels {
                let next = &schema["$defs"][format!("d{level}")]["anyOf"][0];
                let part = json!({"properties": {"a": next}});
                schema["$defs"][format!("d{level}")] = json!({"anyOf": [part, part]});
            }
            assert!(is_bearable(&schema));
            assert_eq!(is_told(&schema), levels == 10);
        }
    }

    #[test]
    fn circles_and_trees_are_bearable() {
        let node = json!({"$ref": "#/$defs/node"});
        for schema in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}], "not": {"$ref": "#"}}),
            json!({"$defs": {"node": {"properties": {"left": node, "right": node}, "items": node}}, "$ref": "#/$defs/node"}),
            json!({"$dynamicAnchor": "n", "properties": {"a": {"$dynamicRef": "#n"}}, "items": {"$dynamicRef": "#n"}}),
            json!({"enum": (0..20_000).collect::<Vec<_>>()}),
            json!(true),
        ] {
            assert!(is_bearable(&schema), "{schema}");
            assert_eq!(is_told(&schema), !schema.to_string().contains("ef\":"), "{schema}");
        }
    }
}
