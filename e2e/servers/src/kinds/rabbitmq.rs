//! RabbitMQ with its management plugin, whose HTTP API says when it is ready and shows tests what is in a queue.

use std::net::Ipv4Addr;

use tracardi_machine::Result;
use tracardi_machine::packages::Need;

use crate::http;
use crate::recipe::{Launch, Login, Options, Place, Recipe};

const PORT: u16 = 5672;
const MANAGEMENT: u16 = 15672;
/// The script itself; the one on the `PATH` becomes another user first.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// Erlang's name server belongs to the process group, so that it ends with the broker.
const SCRIPT: &str = r#"epmd -address "$ERL_EPMD_ADDRESS" -port "$ERL_EPMD_PORT" & exec "$0""#;

#[derive(Debug)]
pub(crate) struct RabbitMq;

impl Recipe for RabbitMq {
    fn packages(&self) -> &'static [Need] {
        &[(PROGRAM, "rabbitmq-server"), ("epmd", "erlang-base")]
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("amqp", PORT), ("management", MANAGEMENT)]
    }

    fn prepare(&self, place: &Place, options: &Options) -> Result<Launch> {
        let Login { name, password } = login(options);
        let mut lines = vec![
            match &place.certificates {
                None => format!("listeners.tcp.1 = {}", place.at(PORT)),
                Some(tls) => format!(
                    "listeners.tcp = none\nlisteners.ssl.1 = {}\nssl_options.cacertfile = {}\nssl_options.certfile = {}\n\
                     ssl_options.keyfile = {}\nssl_options.verify = verify_none\nssl_options.fail_if_no_peer_cert = false",
                    place.at(PORT),
                    tls.authority_file,
                    tls.certificate_file,
                    tls.key_file
                ),
            },
            format!("management.tcp.ip = {}\nmanagement.tcp.port = {MANAGEMENT}", place.address),
            format!("default_user = {name}\ndefault_pass = {password}\nloopback_users = none"),
            "log.console = true\nlog.console.level = warning\nlog.file = false".to_owned(),
            // Queues that fill must not stop a test's publisher: the machine has what it has.
            "disk_free_limit.absolute = 1MB\nnum_acceptors.tcp = 2".to_owned(),
        ];
        if let Some(bytes) = options.largest_message {
            lines.push(format!("max_message_size = {bytes}"));
        }
        let configuration = place.write_lines("rabbitmq.conf", &lines)?;
        let plugins = place.write("enabled_plugins", "[rabbitmq_management].\n")?;
        let [a, b, c, d] = place.address.octets();
        let (names, nodes) = machine_wide_ports(place.address);
        Ok(Launch::new("sh", ["-c", SCRIPT, PROGRAM])
            .with("HOME", place.home.to_string_lossy())
            .with("ERL_EPMD_ADDRESS", place.address.to_string())
            .with("ERL_EPMD_PORT", names.to_string())
            .with("RABBITMQ_NODENAME", "tracardi@localhost")
            .with("RABBITMQ_DIST_PORT", nodes.to_string())
            .with("RABBITMQ_CONFIG_FILE", configuration)
            .with("RABBITMQ_ENABLED_PLUGINS_FILE", plugins)
            .with("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .with("RABBITMQ_MNESIA_BASE", place.path("data"))
            .with("RABBITMQ_LOG_BASE", place.path("logs"))
            .with("RABBITMQ_PID_FILE", place.path("pid"))
            // Two threads of work that sleep when there is none.
            .with(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                format!(
                    "-kernel inet_dist_use_interface {{{a},{b},{c},{d}}} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
                ),
            ))
    }

    fn is_ready(&self, place: &Place, options: &Options) -> bool {
        let check = format!("/api/health/checks/port-listener/{PORT}");
        http::get(place.at(MANAGEMENT), &check, Some(&http::basic(&login(options))), None).is_some()
    }
}

fn login(options: &Options) -> Login {
    options.login.clone().unwrap_or_else(|| Login::new("guest", "guest"))
}

/// Ports for Erlang's name server and for other nodes, which Erlang wants to have on every address of the machine, whatever
/// it is told. They follow from the address, and the kernel gives out none of them by itself.
fn machine_wide_ports(address: Ipv4Addr) -> (u16, u16) {
    let [_, _, c, d] = address.octets();
    let own = 21_000 + 2 * ((u16::from(c) * 254 + u16::from(d)) % 5_000);
    (own, own + 1)
}
