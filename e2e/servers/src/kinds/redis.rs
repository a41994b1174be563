//! Redis. It also listens on a socket in its folder, where it is asked whether it is ready whatever encryption and login.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tracardi_machine::Result;
use tracardi_machine::packages::Need;

use crate::recipe::{Launch, Options, Place, Recipe};

const PORT: u16 = 6379;
const SOCKET: &str = "redis.sock";

#[derive(Debug)]
pub(crate) struct Redis;

impl Recipe for Redis {
    fn packages(&self) -> &'static [Need] {
        &[("redis-server", "redis-server"), ("redis-cli", "redis-tools")]
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("redis", PORT)]
    }

    fn prepare(&self, place: &Place, options: &Options) -> Result<Launch> {
        let mut lines = vec![
            format!("bind {}\ndir {}", place.address, place.home.display()),
            format!("unixsocket {}", place.path(SOCKET)),
            "protected-mode no\nappendonly yes\nappendfsync everysec\nsave \"\"\nloglevel notice".to_owned(),
        ];
        if let Some(login) = &options.login {
            lines.push(format!("user {} on >{} ~* &* +@all\nuser default off", login.name, login.password));
        }
        if let Some(bytes) = options.largest_message {
            // Redis itself takes no smaller limit than a mebibyte.
            lines.push(format!("proto-max-bulk-len {}", bytes.max(1 << 20)));
        }
        lines.push(match &place.certificates {
            None => format!("port {PORT}"),
            Some(tls) => format!(
                "port 0\ntls-port {PORT}\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\ntls-auth-clients no",
                tls.certificate_file, tls.key_file, tls.authority_file
            ),
        });
        let file = place.write_lines("redis.conf", &lines)?;
        Ok(Launch::new("redis-server", [file]))
    }

    fn is_ready(&self, place: &Place, _options: &Options) -> bool {
        // `-NOAUTH` is an answer of one that serves, `-LOADING` is not.
        answer(place).is_some_and(|answer| answer.starts_with("+PONG") || answer.starts_with("-NOAUTH"))
    }
}

fn answer(place: &Place) -> Option<String> {
    let mut stream = UnixStream::connect(place.home.join(SOCKET)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    stream.write_all(b"PING\r\n").ok()?;
    let mut buffer = [0; 64];
    let length = stream.read(&mut buffer).ok()?;
    Some(String::from_utf8_lossy(buffer.get(..length)?).into_owned())
}
