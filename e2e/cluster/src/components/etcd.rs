//! etcd, one member, on the node's loopback.

use super::{Context, flags, text};
use crate::process::Component;

pub(crate) const CLIENT_URL: &str = "http://127.0.0.1:2379";

pub(crate) fn describe(context: &Context<'_>) -> Component {
    let peer = "http://127.0.0.1:2380";
    let mut arguments = flags(&[
        ("data-dir", &text(&context.layout.state.join("etcd"))),
        ("listen-client-urls", CLIENT_URL),
        ("advertise-client-urls", CLIENT_URL),
        ("listen-peer-urls", peer),
        ("log-level", "warn"),
    ]);
    // The cluster does not outlive the machine, and a test should not wait for the disk at every object.
    arguments.push("--unsafe-no-fsync".into());
    Component {
        name: "etcd".into(),
        node: context.layout.node(1),
        program: context.toolchain.file("etcd"),
        arguments,
        files: vec![],
        remedy: "if its data is damaged (a full disk, a power cut), `cluster down` and `cluster up` start from nothing",
    }
}
