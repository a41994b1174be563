//! What a cluster needs from Debian.

use tracardi_machine::packages::Need;

/// Programs and files that nodes are made of.
pub(crate) const NEEDED: &[Need] = &[
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("containerd-shim-runc-v2", "containerd"),
    ("runc", "runc"),
    ("/usr/lib/cni/ptp", "containernetworking-plugins"),
    ("/usr/lib/cni/host-local", "containernetworking-plugins"),
    ("/usr/lib/cni/portmap", "containernetworking-plugins"),
    ("buildah", "buildah"),
    ("/etc/containers/policy.json", "golang-github-containers-image"),
    ("iptables", "iptables"),
    ("iptables-save", "iptables"),
    ("ipset", "ipset"),
    ("conntrack", "conntrack"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("tar", "tar"),
    ("cc", "gcc"),
    ("/usr/include/unistd.h", "libc6-dev"),
    ("/var/lib/dpkg/info/busybox-static.list", "busybox-static"),
    ("/etc/ssl/certs/ca-certificates.crt", "ca-certificates"),
];
