//! MariaDB with an empty database `tracardi`; the schema of MySQL's protocol.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tracardi_machine::Result;
use tracardi_machine::packages::Need;
use tracardi_machine::run::run;

use crate::recipe::{Launch, Options, Place, Recipe};

const PORT: u16 = 3306;
const SOCKET: &str = "mariadb.sock";

#[derive(Debug)]
pub(crate) struct MariaDb;

impl Recipe for MariaDb {
    fn packages(&self) -> &'static [Need] {
        &[("mariadbd", "mariadb-server"), ("mariadb-install-db", "mariadb-server"), ("mariadb", "mariadb-client")]
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("mysql", PORT)]
    }

    fn prepare(&self, place: &Place, options: &Options) -> Result<Launch> {
        let data = format!("--datadir={}", place.path("data"));
        // A server that starts removes temporary tables from its folder for them, also those of others.
        crate::recipe::folder(&place.home, "tmp")?;
        // Root comes in over the socket only.
        let root = "--auth-root-authentication-method=socket";
        let tmp = format!("--tmpdir={}", place.path("tmp"));
        run("mariadb-install-db", ["--no-defaults", &data, &tmp, "--user=root", root, "--skip-test-db"])?;
        let user = match &options.login {
            Some(login) => format!("'{}'@'%' IDENTIFIED BY '{}'", login.name, login.password),
            None => "'root'@'%' IDENTIFIED BY ''".to_owned(),
        };
        let first = place.write_lines(
            "first.sql",
            &[
                "CREATE DATABASE IF NOT EXISTS tracardi CHARACTER SET utf8mb4;".to_owned(),
                format!("CREATE USER IF NOT EXISTS {user};"),
                format!("GRANT ALL ON *.* TO {} WITH GRANT OPTION;", user.split(' ').next().unwrap_or_default()),
            ],
        )?;
        let launch = Launch::new("mariadbd", ["--no-defaults", &data, "--user=root", "--skip-name-resolve"])
            .then([format!("--bind-address={}", place.address), format!("--port={PORT}")])
            .then([format!("--socket={}", place.path(SOCKET)), format!("--init-file={first}")])
            .then([format!("--tmpdir={}", place.path("tmp"))])
            .then(["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=16M", "--performance-schema=OFF"])
            .then(options.largest_message.map(|bytes| format!("--max-allowed-packet={bytes}")));
        Ok(match &place.certificates {
            None => launch,
            Some(tls) => launch.then([
                "--require-secure-transport=ON".to_owned(),
                format!("--ssl-cert={}", tls.certificate_file),
                format!("--ssl-key={}", tls.key_file),
            ]),
        })
    }

    fn is_ready(&self, place: &Place, _options: &Options) -> bool {
        greeting(place).is_some_and(|version| version == 10)
    }
}

/// The version of the protocol that the server greets with, in the fifth byte; an error has 255 there.
fn greeting(place: &Place) -> Option<u8> {
    let mut stream = UnixStream::connect(place.home.join(SOCKET)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).ok()?;
    head.last().copied()
}
