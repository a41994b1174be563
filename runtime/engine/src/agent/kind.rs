//! Kind of device and whether it is touched, from the names of program, system and device (spec/pipeline.md 3.5 point 1).

use tracardi_model::session::{App, Os};

const MOBILE_DEVICES: [&str; 6] =
    ["iPhone", "iPod", "Generic Smartphone", "Generic Feature Phone", "PlayStation Vita", "iOS-Device"];
const MOBILE_PROGRAMS: [&str; 6] =
    ["IE Mobile", "Opera Mobile", "Opera Mini", "Chrome Mobile", "Chrome Mobile WebView", "Chrome Mobile iOS"];
const MOBILE_SYSTEMS: [&str; 7] =
    ["Windows Phone", "Windows Phone OS", "Symbian OS", "Bada", "Windows CE", "Windows Mobile", "Maemo"];
const TABLETS: [&str; 9] = [
    "iPad",
    "BlackBerry Playbook",
    "Blackberry Playbook",
    "Kindle",
    "Kindle Fire",
    "Kindle Fire HD",
    "Galaxy Tab",
    "Xoom",
    "Dell Streak",
];
const PC_SYSTEMS: [&str; 3] = ["Windows 95", "Windows 98", "Solaris"];
const TOUCHED_SYSTEMS: [&str; 7] =
    ["iOS", "Android", "Windows Phone", "Windows CE", "Windows Mobile", "Firefox OS", "MeeGo"];
const TOUCHED_DEVICES: [&str; 3] = ["BlackBerry Playbook", "Blackberry Playbook", "Kindle Fire"];
/// Programs that read mail.
const MAIL_PROGRAMS: [&str; 14] = [
    "Outlook",
    "Windows Live Mail",
    "AirMail",
    "Apple Mail",
    "Thunderbird",
    "Lightning",
    "ThunderBrowse",
    "The Bat!",
    "Lotus Notes",
    "IBM Notes",
    "Barca",
    "MailBar",
    "kmail2",
    "YahooMobileMail",
];

/// What the kind follows from.
pub(super) struct Names<'a> {
    text: &'a str,
    program: &'a str,
    system: &'a str,
    /// Version of the system; blank if it is not told.
    version: &'a str,
    device: &'a str,
}

impl<'a> Names<'a> {
    pub(super) fn new(text: &'a str, app: &'a App, os: &'a Os, device: &'a str) -> Self {
        let [program, system, version] =
            [&app.name, &os.name, &os.version].map(|name| name.as_deref().unwrap_or_default());
        Self { text, program, system, version, device }
    }

    /// The first that is true.
    pub(super) fn kind(&self) -> Option<&'static str> {
        if self.is_mobile() {
            Some("mobile")
        } else if self.is_pc() {
            Some("pc")
        } else if self.is_tablet() {
            Some("tablet")
        } else if MAIL_PROGRAMS.contains(&self.program) {
            Some("email")
        } else {
            None
        }
    }

    fn says(&self, word: &str) -> bool {
        self.text.contains(word)
    }

    fn is_mobile(&self) -> bool {
        MOBILE_DEVICES.contains(&self.device)
            || MOBILE_PROGRAMS.contains(&self.program)
            || MOBILE_SYSTEMS.contains(&self.system)
            || (matches!(self.system, "Android" | "Firefox OS") && !self.is_tablet())
            || (self.system == "BlackBerry OS" && !self.device.eq_ignore_ascii_case("BlackBerry Playbook"))
            || ["J2ME", "MIDP", "iPhone;", "Googlebot-Mobile"].into_iter().any(|word| self.says(word))
            || (self.device == super::SPIDER && self.program.contains("Mobile"))
            || (self.says("NokiaBrowser") && self.says("Mobile"))
    }

    fn is_tablet(&self) -> bool {
        TABLETS.contains(&self.device)
            || (self.system == "Android" && !self.says("Mobile Safari") && self.program != "Firefox Mobile")
            || self.is_windows("RT")
            || (self.system == "Firefox OS" && !self.program.contains("Mobile"))
    }

    fn is_pc(&self) -> bool {
        self.says("Windows NT")
            || PC_SYSTEMS.contains(&self.system)
            || self.is_windows("ME")
            || (self.system == "Mac OS X" && !self.says("Silk"))
            || (!self.says("Maemo") && (self.system.contains("Chrome OS") || (self.says("Linux") && self.says("X11"))))
    }

    /// Whether it can be used by touching it.
    pub(super) fn touch(&self) -> bool {
        TOUCHED_SYSTEMS.contains(&self.system)
            || TOUCHED_DEVICES.contains(&self.device)
            || self.is_windows("RT")
            || self.is_windows("CE")
            || (self.is_windows("8") && self.says("Touch"))
            || (self.system.contains("BlackBerry")
                && ["BlackBerry 99", "BlackBerry 95"].into_iter().any(|model| self.device.starts_with(model)))
    }

    fn is_windows(&self, version: &str) -> bool {
        self.system == "Windows" && self.version.starts_with(version)
    }
}
