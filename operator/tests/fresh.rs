//! Generated files are what the program would generate today.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which the lint does not know as such"
)]

use std::fs;
use std::path::PathBuf;

use tracardi_crds::installation::reason;
use tracardi_operator::rbac;

fn file(relative: &str) -> (PathBuf, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(relative);
    let text = fs::read_to_string(&path).unwrap_or_default();
    (path, text)
}

/// Compares, or writes when `TRACARDI_UPDATE` is set.
fn fresh(relative: &str, wanted: &str) {
    let (path, is) = file(relative);
    if std::env::var_os("TRACARDI_UPDATE").is_some() {
        fs::write(path, wanted).unwrap();
    } else {
        assert_eq!(
            is, wanted,
            "{relative} is stale: run `TRACARDI_UPDATE=1 cargo test -p tracardi-operator --test fresh`"
        );
    }
}

/// Replaces what stands between `<!-- begin NAME -->` and `<!-- end NAME -->`.
fn between(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let from = text.find(&begin).map(|at| at + begin.len()).expect(name);
    let to = text[from..].find(&end).map(|at| at + from).expect(name);
    format!("{}{table}{}", &text[..from], &text[to..])
}

#[test]
fn the_charts_rules_are_those_of_the_table() {
    fresh("charts/tracardi-operator/files/rules-installations.yaml", &rbac::rules_yaml(rbac::INSTALLATIONS));
    fresh("charts/tracardi-operator/files/rules-own-namespace.yaml", &rbac::rules_yaml(rbac::OWN_NAMESPACE));
}

#[test]
fn the_rules_are_what_they_look_like() {
    for rights in [rbac::INSTALLATIONS, rbac::OWN_NAMESPACE] {
        let read: serde_json::Value = serde_yaml::from_str(&rbac::rules_yaml(rights)).unwrap();
        assert_eq!(read, rbac::rules(rights));
    }
}

#[test]
fn secrets_are_never_listed_watched_or_deleted() {
    let secrets = rbac::INSTALLATIONS.iter().find(|right| right.resource == "secrets").unwrap();
    assert_eq!(secrets.verbs, ["get", "create", "patch"]);
    assert!(rbac::INSTALLATIONS.iter().all(|right| !right.verbs.contains(&"*") && right.resource != "*"));
    let claims = rbac::INSTALLATIONS.iter().find(|right| right.resource == "persistentvolumeclaims").unwrap();
    assert!(!claims.verbs.contains(&"delete"), "data is deleted by its owner reference or by a person");
}

#[test]
fn the_documentation_holds_the_tables() {
    let (_, text) = file("docs/operator.md");
    let text = between(&text, "reasons", &reason::markdown_table());
    let text = between(&text, "rights", &rbac::markdown_table());
    fresh("docs/operator.md", &text);
}

#[test]
fn the_chart_is_of_our_version() {
    let (_, chart) = file("charts/tracardi-operator/Chart.yaml");
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        chart.contains(&format!("\nversion: {version}\n")) && chart.contains(&format!("\nappVersion: {version}\n"))
    );
}
