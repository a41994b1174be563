//! The network of an instance: one namespace a node, a cable from the host to node 1 and one from node 1 to node 2.
//!
//! Nothing in it has a route out: node 1's default route ends in its own loopback, node 2's leads to node 1. The one network outside
//! that pods reach is the host itself: servers beside the cluster listen there.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use tracardi_machine::run::{run, succeeds};
use tracardi_machine::{Error, Result};

use crate::paths::{DNS_SERVICE, Layout, NodePlan, POD_CIDR};

/// Runs a program in a node's network.
fn inside(node: &NodePlan, words: &[&str]) -> Result<()> {
    let net = format!("--net={}", node.net().display());
    run("nsenter", std::iter::once(net.as_str()).chain(words.iter().copied())).map(drop)
}

/// Lays the cable between host and node 1; the node's end is `eth0`.
pub(crate) fn connect_host(layout: &Layout, node: &NodePlan) -> Result<()> {
    let (host, net) = (layout.host_interface(), format!("--net={}", node.net().display()));
    let own_pid = std::process::id().to_string();
    // Made from the inside, with the other end handed to the namespace that this program is in.
    run("nsenter", [&net, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", &host, "netns", &own_pid])?;
    run("ip", ["address", "add", &format!("{}/30", layout.host_address()), "dev", &host])?;
    run("ip", ["link", "set", &host, "up"])?;
    inside(node, &["ip", "address", "add", &format!("{}/30", node.address), "dev", "eth0"])?;
    inside(node, &["ip", "link", "set", "eth0", "up"])?;
    // Some programs ask for the default route to learn the node's address; it leads nowhere.
    inside(node, &["ip", "route", "add", "default", "dev", "lo"])
}

/// Gives the host a network of addresses at its end of the cable, all of them its own as those of 127.0.0.0/8 are, and leads pods
/// there. Pods come with the node's address: of theirs the host knows nothing.
pub(crate) fn lead_to_host(layout: &Layout, node: &NodePlan) -> Result<()> {
    let network = format!("{}/24", layout.beside());
    run("ip", ["route", "replace", "local", &network, "dev", &layout.host_interface()])?;
    inside(node, &["ip", "route", "replace", &network, "via", &layout.host_address().to_string()])?;
    let rule = ["POSTROUTING", "--source", POD_CIDR, "--destination", &network, "--jump", "MASQUERADE"];
    let iptables =
        |action: &str| inside(node, &[&["iptables", "--wait", "--table", "nat", action][..], &rule].concat());
    iptables("--check").or_else(|_| iptables("--append"))
}

/// Lays the cable between the nodes, and the routes by which their pods and the host reach each other.
pub(crate) fn connect_nodes(layout: &Layout, first: &NodePlan, second: &NodePlan) -> Result<()> {
    let net = format!("--net={}", second.net().display());
    let link = layout.link_address().to_string();
    // The namespace of node 1 is given by a process in it: one that lives just long enough.
    let script = format!(
        "sleep 30 & nsenter {net} ip link add eth0 type veth peer name node-2 netns $!; result=$?; kill $!; exit $result"
    );
    // An earlier try may have left its end of the cable.
    let _ = inside(first, &["ip", "link", "delete", "node-2"]);
    inside(first, &["sh", "-c", &script])?;
    inside(first, &["ip", "address", "add", &format!("{link}/30"), "dev", "node-2"])?;
    inside(first, &["ip", "link", "set", "node-2", "up"])?;
    inside(first, &["ip", "route", "replace", &second.pod_cidr, "via", &second.address.to_string()])?;
    inside(second, &["ip", "address", "add", &format!("{}/30", second.address), "dev", "eth0"])?;
    inside(second, &["ip", "link", "set", "eth0", "up"])?;
    inside(second, &["ip", "route", "add", "default", "via", &link])?;
    let node_network = Ipv4Addr::from(u32::from(second.address) & 0xffff_fffc);
    run("ip", ["route", "replace", &format!("{node_network}/30"), "via", &first.address.to_string()]).map(drop)
}

/// Loopback and forwarding in a fresh namespace.
pub(crate) fn prepare(node: &NodePlan) -> Result<()> {
    inside(node, &["ip", "link", "set", "lo", "up"])?;
    inside(node, &["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])
}

/// Whether the host's end of the cable is there.
pub(crate) fn host_interface_exists(layout: &Layout) -> bool {
    Path::new("/sys/class/net").join(layout.host_interface()).exists()
}

/// Takes the host's end away, and the other end with it.
pub(crate) fn disconnect_host(layout: &Layout) {
    if host_interface_exists(layout) {
        succeeds("ip", ["link", "delete", &layout.host_interface()]);
    }
}

/// Whether the cluster's name server answers, asked from inside the node through its Service address: so CoreDNS is
/// ready *and* kube-proxy has learnt of it.
pub(crate) fn names_resolve(node: &NodePlan) -> bool {
    let net = node.net();
    // A thread of its own enters the namespace and ends there; the rest of the process stays where it is.
    let worker = std::thread::spawn(move || -> Option<bool> {
        setns(fs::File::open(&net).ok()?, CloneFlags::CLONE_NEWNET).ok()?;
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        socket.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
        socket.send_to(&query("kubernetes.default.svc.cluster.local"), SocketAddr::from((DNS_SERVICE, 53))).ok()?;
        let mut answer = [0_u8; 512];
        let (length, _) = socket.recv_from(&mut answer).ok()?;
        Some(has_answer(answer.get(..length)?))
    });
    worker.join().ok().flatten().unwrap_or(false)
}

/// A DNS question for the address of a name (RFC 1035 section 4.1).
fn query(name: &str) -> Vec<u8> {
    let mut message = vec![0x54, 0x43, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap_or_default());
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    message
}

/// An answer to our question, without an error, that holds something.
fn has_answer(message: &[u8]) -> bool {
    matches!(message, [0x54, 0x43, flags, code, _, _, high, low, ..]
        if flags & 0x80 != 0 && code % 16 == 0 && (*high, *low) != (0, 0))
}

/// Addresses that must be free for the instance; an error names who has one.
pub(crate) fn check_free(layout: &Layout) -> Result<()> {
    let output = run("ip", ["-o", "-4", "address", "show"])?;
    let wanted = format!("{}/", layout.host_address());
    match output.lines().find(|line| line.contains(&wanted)) {
        Some(line) => Err(Error::unmet(
            format!("the address {} is in use: {}", layout.host_address(), line.trim()),
            "take another instance number (--instance N)",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_laid_out_as_the_standard_says() {
        assert_eq!(&query("a.bc")[12..], [1, b'a', 2, b'b', b'c', 0, 0, 1, 0, 1]);
    }

    #[test]
    fn only_an_answer_with_something_in_it_counts() {
        assert!(has_answer(&[0x54, 0x43, 0x85, 0x00, 0, 1, 0, 1]));
        assert!(!has_answer(&[0x54, 0x43, 0x85, 0x03, 0, 1, 0, 1]), "no such name");
        assert!(!has_answer(&[0x54, 0x43, 0x85, 0x00, 0, 1, 0, 0]), "no answer");
        assert!(!has_answer(&[0x54, 0x43, 0x01, 0x00, 0, 1, 0, 1]), "our own question");
        assert!(!has_answer(&[0, 1]));
    }
}
