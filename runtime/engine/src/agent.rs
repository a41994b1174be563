//! What a user agent says of itself: program, system, device.
//!
//! Names follow the vocabulary that the original stores (that of the uap project), as far as the parser tells enough;
//! device types and touch follow spec/pipeline.md 3.5.

use tracardi_model::session::{App, Os};
use woothee::parser::{Parser, WootheeResult};

/// Facts from one user agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agent {
    /// Program; `bot` tells crawlers.
    pub app: App,
    /// System.
    pub os: Os,
    /// Device.
    pub device: Hardware,
}

/// The part of a device that its user agent names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// Family, such as `iPhone`, `Mac`, `Spider` or `Other`.
    pub name: Option<String>,
    /// Maker.
    pub brand: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// `mobile`, `pc`, `tablet` or `email`.
    pub kind: Option<String>,
    /// Whether it is touched.
    pub touch: bool,
}

/// Longest user agent that is looked at, in bytes; the rest of a longer one is ignored.
const MAX_LENGTH: usize = 1024;
/// Programs that read mail.
const MAIL_PROGRAMS: [&str; 6] =
    ["Outlook", "Windows-Live-Mail", "Thunderbird", "AppleMail", "The Bat!", "Lotus-Notes"];
/// Words by which programs that the parser does not know as crawlers say that they are.
const CRAWLER_WORDS: [&str; 6] = ["bot/", "bot;", "crawler", "spider", "googlebot", "headlesschrome"];
/// Makers by the beginning of an Android device's model.
const BRANDS: [(&str, &str); 22] = [
    ("SM-", "Samsung"),
    ("SAMSUNG", "Samsung"),
    ("GT-", "Samsung"),
    ("Galaxy", "Samsung"),
    ("Pixel", "Google"),
    ("Nexus", "Google"),
    ("Redmi", "XiaoMi"),
    ("Mi ", "XiaoMi"),
    ("MI ", "XiaoMi"),
    ("POCO", "XiaoMi"),
    ("M2", "XiaoMi"),
    ("moto", "Motorola"),
    ("Moto", "Motorola"),
    ("ONEPLUS", "OnePlus"),
    ("OnePlus", "OnePlus"),
    ("HUAWEI", "Huawei"),
    ("CPH", "Oppo"),
    ("vivo", "vivo"),
    ("Nokia", "Nokia"),
    ("LG-", "LG"),
    ("LM-", "LG"),
    ("KF", "Amazon"),
];

/// Reads a user agent; nothing of a blank one.
#[must_use]
pub fn parse(text: &str) -> Option<Agent> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let text = text.char_indices().nth(MAX_LENGTH).map_or(text, |(end, _)| text.get(..end).unwrap_or(text));
    let found = Parser::new().parse(text);
    let bot = is_bot(text, found.as_ref());
    let mut agent = Agent { device: hardware(text, bot), ..Agent::default() };
    agent.app.r#type = Some("browser".to_owned());
    agent.app.bot = bot;
    if let Some(found) = found {
        agent.app.name = known(found.name).map(|name| program(name, text));
        agent.app.version = known(found.version).map(str::to_owned);
        agent.os = system(found.os, &found.os_version);
    }
    Some(agent)
}

fn known(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty() && *text != "UNKNOWN")
}

fn is_bot(text: &str, found: Option<&WootheeResult<'_>>) -> bool {
    if found.is_some_and(|found| found.category == "crawler") {
        return true;
    }
    let lower = text.to_ascii_lowercase();
    CRAWLER_WORDS.iter().any(|word| lower.contains(word))
}

fn program(name: &str, text: &str) -> String {
    let mobile = text.contains("Mobile") || (text.contains("Android") && name == "Chrome");
    match name {
        "Chrome" if text.contains("CriOS") => "Chrome Mobile iOS".to_owned(),
        "Chrome" if mobile => "Chrome Mobile".to_owned(),
        "Safari" if mobile => "Mobile Safari".to_owned(),
        "Firefox" if text.contains("FxiOS") => "Firefox iOS".to_owned(),
        "Firefox" if mobile => "Firefox Mobile".to_owned(),
        "Internet Explorer" => "IE".to_owned(),
        "Googlebot" => "Googlebot".to_owned(),
        other => other.to_owned(),
    }
}

fn system(name: &str, version: &str) -> Os {
    let version = known(version).map(str::to_owned);
    let (name, version) = match name {
        "" | "UNKNOWN" => return Os::default(),
        "Mac OSX" => ("Mac OS X", version),
        "iPhone" | "iPad" | "iPod" | "iOS" => ("iOS", version),
        "ChromeOS" => ("Chrome OS", version),
        _ => match name.strip_prefix("Windows ") {
            Some("Phone OS") => ("Windows Phone", version),
            Some(edition) => ("Windows", Some(edition.to_owned())),
            None => (name, version),
        },
    };
    Os { name: Some(name.to_owned()), version }
}

fn hardware(text: &str, bot: bool) -> Hardware {
    let has = |word: &str| text.contains(word);
    if bot {
        let kind = has("Mobile").then(|| "mobile".to_owned());
        return named("Spider", "Spider", "Desktop", kind, false);
    }
    let kind = kind(text).map(str::to_owned);
    let windows_touch = has("Windows NT 6.2; ARM") || has("Windows Phone") || (has("Windows NT 6.2") && has("Touch"));
    let touch = has("iPhone") || has("iPad") || has("iPod") || has("Android") || windows_touch || has("PlayBook");
    for (word, name, brand) in [
        ("iPhone", "iPhone", "Apple"),
        ("iPad", "iPad", "Apple"),
        ("iPod", "iPod", "Apple"),
        ("Macintosh", "Mac", "Apple"),
    ] {
        if has(word) {
            return named(name, brand, name, kind, touch);
        }
    }
    match android_model(text) {
        Some(model) => {
            let brand = BRANDS.iter().find(|(start, _)| model.starts_with(start)).map(|(_, brand)| (*brand).to_owned());
            Hardware { name: Some(model.to_owned()), brand, model: Some(model.to_owned()), kind, touch }
        }
        None => Hardware { name: Some("Other".to_owned()), brand: None, model: None, kind, touch },
    }
}

fn named(name: &str, brand: &str, model: &str, kind: Option<String>, touch: bool) -> Hardware {
    Hardware { name: Some(name.into()), brand: Some(brand.into()), model: Some(model.into()), kind, touch }
}

/// The first that is true, in the order of the original: mobile, pc, tablet, email.
fn kind(text: &str) -> Option<&'static str> {
    let has = |word: &str| text.contains(word);
    let android = has("Android");
    let firefox_mobile = has("Firefox") && has("Mobile");
    let tablet = has("iPad")
        || has("PlayBook")
        || has("Kindle")
        || has("Silk/")
        || has("Windows NT 6.2; ARM")
        || (android && !has("Mobile Safari") && !firefox_mobile);
    let mobile = has("iPhone")
        || has("iPod")
        || (android && !tablet)
        || has("Windows Phone")
        || has("BlackBerry")
        || has("BB10")
        || has("IEMobile")
        || has("Opera Mini")
        || has("J2ME")
        || has("MIDP")
        || has("Symbian");
    let mac = has("Mac OS X") && !has("Silk") && !has("iPad");
    let pc = has("Windows NT")
        || has("Windows ME")
        || has("Windows 98")
        || has("CrOS")
        || mac
        || (has("Linux") && has("X11"));
    if mobile {
        Some("mobile")
    } else if pc && !tablet {
        Some("pc")
    } else if tablet {
        Some("tablet")
    } else if MAIL_PROGRAMS.iter().any(|program| has(program)) {
        Some("email")
    } else {
        None
    }
}

/// The model in `(Linux; Android 14; SM-S911B Build/…)`; browsers that hide it say `K`.
fn android_model(text: &str) -> Option<&str> {
    let inside = text.split_once("Android ")?.1.split_once(')')?.0;
    let model = inside.split(';').map(str::trim).nth(1)?;
    let model = model.split(" Build").next().unwrap_or(model).trim();
    Some(model)
        .filter(|model| !model.is_empty() && *model != "K" && !model.starts_with("wv") && !model.starts_with("rv:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
    const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
    const IPAD: &str = "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1";
    const GALAXY: &str = "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";
    const TABLET: &str = "Mozilla/5.0 (Linux; Android 13; SM-X700 Build/TP1A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
    const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

    #[test]
    fn systems_programs_and_devices() {
        let cases = [
            (MAC, "Mac OS X", "Chrome", "Mac", Some("pc"), false),
            (WINDOWS, "Windows", "Firefox", "Other", Some("pc"), false),
            (IPHONE, "iOS", "Mobile Safari", "iPhone", Some("mobile"), true),
            (IPAD, "iOS", "Mobile Safari", "iPad", Some("tablet"), true),
            (GALAXY, "Android", "Chrome Mobile", "SM-S911B", Some("mobile"), true),
            (TABLET, "Android", "Chrome Mobile", "SM-X700", Some("tablet"), true),
        ];
        for (text, os, app, device, kind, touch) in cases {
            let agent = parse(text).unwrap();
            assert_eq!(agent.os.name.as_deref(), Some(os), "{text}");
            assert_eq!(agent.app.name.as_deref(), Some(app), "{text}");
            assert_eq!(agent.device.name.as_deref(), Some(device), "{text}");
            assert_eq!(agent.device.kind.as_deref(), kind, "{text}");
            assert_eq!(agent.device.touch, touch, "{text}");
            assert!(!agent.app.bot, "{text}");
        }
        assert_eq!(parse(GALAXY).unwrap().device.brand.as_deref(), Some("Samsung"));
        assert_eq!(parse(WINDOWS).unwrap().os.version.as_deref(), Some("10"));
    }

    #[test]
    fn bots_are_told() {
        for text in [GOOGLEBOT, "facebookbot/1.0", "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/131.0.0.0"] {
            assert!(parse(text).unwrap().app.bot, "{text}");
        }
        assert_eq!(parse(GOOGLEBOT).unwrap().device.name.as_deref(), Some("Spider"));
    }

    #[test]
    fn odd_texts_are_harmless() {
        assert_eq!(parse("  "), None);
        assert!(parse("curl/8.5").is_some());
        assert!(parse(&"Mozilla/5.0 (Linux; Android ż".repeat(1_000)).is_some());
        assert!(parse("Android ").is_some());
    }
}
