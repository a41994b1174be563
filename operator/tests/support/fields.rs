//! Who owns which field: `managedFields` as far as the operator reads them. Lists are owned as a whole.

use serde_json::{Map, Value, json};

/// The entries of an object: the operator's and a stranger's.
const OPERATOR: (&str, &str) = ("tracardi-operator", "Apply");
const STRANGER: (&str, &str) = ("somebody", "Update");

/// Server-side apply by the operator: what it owned and does not name goes, what it names is set and its own alone.
pub(crate) fn apply(object: &mut Value, body: &Value) {
    let named = of(body);
    let owned = take_entry(object, OPERATOR);
    remove(object, &owned, &named);
    set(object, body);
    let theirs = take_entry(object, STRANGER);
    put_entry(object, STRANGER, &without(&theirs, &named));
    put_entry(object, OPERATOR, &named);
}

/// A stranger's update: the fields that it changed are the stranger's.
pub(crate) fn edited(before: &Value, object: &mut Value) {
    let changed = difference(before, object);
    let (ours, theirs) = (take_entry(object, OPERATOR), take_entry(object, STRANGER));
    put_entry(object, OPERATOR, &without(&ours, &changed));
    put_entry(object, STRANGER, &union(theirs, changed));
}

/// Parts that nobody owns: what the API server fills in, and status, which has entries of its own.
fn is_free(name: &str) -> bool {
    let free =
        ["apiVersion", "kind", "status", "name", "namespace", "uid", "resourceVersion", "generation", "managedFields"];
    free.contains(&name)
}

/// The fields that are set in a value.
fn of(value: &Value) -> Value {
    difference(&Value::Null, value)
}

/// The fields in which two values differ.
fn difference(before: &Value, after: &Value) -> Value {
    let empty = Map::new();
    let (old, new) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    let mut fields = json!({});
    for name in old.keys().chain(new.keys()).filter(|name| !is_free(name)) {
        let (was, is) = (old.get(name).unwrap_or(&Value::Null), new.get(name).unwrap_or(&Value::Null));
        if was != is {
            fields[format!("f:{name}")] = if is.is_object() { difference(was, is) } else { json!({}) };
        }
    }
    fields
}

/// `fields` apart from those in `taken`.
fn without(fields: &Value, taken: &Value) -> Value {
    let mut left = json!({});
    for (name, inner) in fields.as_object().into_iter().flatten() {
        match taken.get(name) {
            None => left[name] = inner.clone(),
            Some(taken) => {
                let inner = without(inner, taken);
                if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
                    left[name] = inner;
                }
            }
        }
    }
    left
}

fn union(mut into: Value, from: Value) -> Value {
    if let Value::Object(from) = from {
        for (name, inner) in from {
            let both = union(into.get(&name).cloned().unwrap_or_else(|| json!({})), inner);
            into[name] = both;
        }
    }
    into
}

/// Removes what is owned and not named.
fn remove(object: &mut Value, owned: &Value, named: &Value) {
    for (name, inner) in owned.as_object().into_iter().flatten() {
        let field = name.trim_start_matches("f:");
        match named.get(name) {
            Some(named) if object[field].is_object() => remove(&mut object[field], inner, named),
            Some(_) => {}
            None => drop(object.as_object_mut().and_then(|object| object.remove(field))),
        }
    }
}

fn set(object: &mut Value, body: &Value) {
    match body {
        Value::Object(body) => {
            if !object.is_object() {
                *object = json!({});
            }
            for (name, value) in body {
                set(&mut object[name], value);
            }
        }
        other => *object = other.clone(),
    }
}

fn take_entry(object: &mut Value, (manager, operation): (&str, &str)) -> Value {
    let Some(entries) = object["metadata"]["managedFields"].as_array_mut() else { return json!({}) };
    let at = entries.iter().position(|entry| entry["manager"] == manager && entry["operation"] == operation);
    at.map_or_else(|| json!({}), |at| entries.remove(at)["fieldsV1"].take())
}

fn put_entry(object: &mut Value, (manager, operation): (&str, &str), fields: &Value) {
    if fields.as_object().is_some_and(|fields| !fields.is_empty()) {
        let entries = &mut object["metadata"]["managedFields"];
        if !entries.is_array() {
            *entries = json!([]);
        }
        let entry = json!({"manager": manager, "operation": operation, "fieldsType": "FieldsV1", "fieldsV1": fields});
        entries.as_array_mut().unwrap().push(entry);
    }
}
