//! Mosquitto: an MQTT broker of one process.

use tracardi_machine::Result;
use tracardi_machine::packages::Need;
use tracardi_machine::run::run;

use crate::recipe::{Launch, Options, Place, Recipe, accepts, folder};

const PORT: u16 = 1883;

#[derive(Debug)]
pub(crate) struct Mosquitto;

impl Recipe for Mosquitto {
    fn packages(&self) -> &'static [Need] {
        &[("mosquitto", "mosquitto"), ("mosquitto_passwd", "mosquitto"), ("mosquitto_sub", "mosquitto-clients")]
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("mqtt", PORT)]
    }

    fn prepare(&self, place: &Place, options: &Options) -> Result<Launch> {
        folder(&place.home, "data")?;
        let mut lines = vec![
            format!("listener {PORT} {}", place.address),
            format!("allow_anonymous {}", options.login.is_none()),
            // What is retained or waits for a client is on disk after each change, so that a killed broker still has it.
            format!("persistence true\npersistence_location {}/", place.path("data")),
            "autosave_on_changes true\nautosave_interval 1".to_owned(),
            "log_dest stderr\nlog_type error\nlog_type warning\nlog_type notice".to_owned(),
            // By default root becomes a user who may not read this folder.
            "user root".to_owned(),
        ];
        if let Some(login) = &options.login {
            let file = place.path("passwords");
            run("mosquitto_passwd", ["-c", "-b", &file, &login.name, &login.password])?;
            lines.push(format!("password_file {file}"));
        }
        if let Some(bytes) = options.largest_message {
            lines.push(format!("max_packet_size {bytes}"));
        }
        if let Some(tls) = &place.certificates {
            lines.push(format!("certfile {}\nkeyfile {}", tls.certificate_file, tls.key_file));
        }
        let file = place.write_lines("mosquitto.conf", &lines)?;
        Ok(Launch::new("mosquitto", ["-c", &file]))
    }

    fn is_ready(&self, place: &Place, _options: &Options) -> bool {
        accepts(place.at(PORT))
    }
}
