//! The operator's rights: one table, from which the chart's files and the documentation are made.

use serde_json::{Value, json};

/// A right, and what it is needed for.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    /// API group; empty for the core.
    pub group: &'static str,
    /// Resource, with its subresource.
    pub resource: &'static str,
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// Why.
    pub why: &'static str,
}

/// Verbs for what is applied, watched and pruned.
const OWNED: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// In the namespaces of installations.
pub const INSTALLATIONS: &[Right] = &[
    Right {
        group: "tracardi.io",
        resource: "tracardiinstallations",
        verbs: &["get", "list", "watch"],
        why: "the resources to reconcile; the operator never writes them",
    },
    Right { group: "tracardi.io", resource: "tracardiinstallations/status", verbs: &["patch"], why: "their status" },
    Right { group: "apps", resource: "statefulsets", verbs: OWNED, why: "the services, where there must be one pod" },
    Right {
        group: "apps",
        resource: "deployments",
        verbs: OWNED,
        why: "the services of larger installations, where there may be several",
    },
    Right { group: "batch", resource: "jobs", verbs: OWNED, why: "the step that prepares their servers" },
    Right { group: "", resource: "services", verbs: OWNED, why: "their addresses" },
    Right { group: "", resource: "configmaps", verbs: OWNED, why: "their environment" },
    Right {
        group: "",
        resource: "persistentvolumeclaims",
        verbs: &["get", "list", "watch", "create", "patch"],
        why: "their volumes, which the operator creates and enlarges and never deletes",
    },
    Right { group: "networking.k8s.io", resource: "networkpolicies", verbs: OWNED, why: "who may reach them" },
    Right { group: "policy", resource: "poddisruptionbudgets", verbs: OWNED, why: "how many pods a drain may take" },
    Right {
        group: "",
        resource: "pods",
        verbs: &["list", "watch"],
        why: "why a pod does not start, for the status; only those that carry the operator's label are asked for",
    },
    Right {
        group: "",
        resource: "secrets",
        verbs: &["get", "create", "patch"],
        why: "generated credentials (created once; patched only in their owners) and those that a resource refers to, by name: never listed, never watched, never deleted",
    },
    Right { group: "events.k8s.io", resource: "events", verbs: &["create", "patch"], why: "events on transitions" },
];

/// In the operator's own namespace.
pub const OWN_NAMESPACE: &[Right] = &[Right {
    group: "coordination.k8s.io",
    resource: "leases",
    verbs: &["get", "create", "update"],
    why: "which replica leads",
}];

/// Rules of a Role or ClusterRole.
#[must_use]
pub fn rules(rights: &[Right]) -> Value {
    let rule = |right: &Right| json!({"apiGroups": [right.group], "resources": [right.resource], "verbs": right.verbs});
    Value::Array(rights.iter().map(rule).collect())
}

/// The rules as YAML with a comment above each, for the chart.
#[must_use]
pub fn rules_yaml(rights: &[Right]) -> String {
    let rules = rights.iter().map(|Right { group, resource, verbs, why }| {
        let verbs = verbs.join(", ");
        format!("# {why}\n- apiGroups: [\"{group}\"]\n  resources: [\"{resource}\"]\n  verbs: [{verbs}]\n")
    });
    let head = "# Generated from operator/src/rbac.rs by `tracardi-operator rbac`; do not edit.\n";
    std::iter::once(head.to_owned()).chain(rules).collect()
}

/// The rights as a table in Markdown, for docs/operator.md.
#[must_use]
pub fn markdown_table() -> String {
    let row = |place: &str, Right { group, resource, verbs, why }: &Right| {
        let group = if group.is_empty() { String::new() } else { format!(".{group}") };
        let (name, sub) = resource.split_once('/').map_or((*resource, String::new()), |(n, s)| (n, format!("/{s}")));
        format!("| {place} | `{name}{group}{sub}` | {} | {why} |\n", verbs.join(", "))
    };
    let installations = INSTALLATIONS.iter().map(|right| row("installations' namespaces", right));
    let own = OWN_NAMESPACE.iter().map(|right| row("operator's namespace", right));
    let head = "| Where | Resource | Verbs | Why |\n|---|---|---|---|\n";
    std::iter::once(head.to_owned()).chain(installations).chain(own).collect()
}
