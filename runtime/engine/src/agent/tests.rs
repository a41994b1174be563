use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize, PartialEq, Debug)]
struct Example {
    agent: String,
    program: String,
    system: String,
    device: String,
    kind: String,
}

fn read_back(text: &str) -> Example {
    let agent = parse(text).unwrap();
    let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let with_version = |name: &Option<String>, version: &Option<String>| {
        name.iter().chain(version).map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    let device = &agent.device;
    let facts = [device.kind.as_deref(), device.touch.then_some("touched"), agent.app.bot.then_some("robot")];
    Example {
        agent: text.to_owned(),
        program: with_version(&agent.app.name, &agent.app.version),
        system: with_version(&agent.os.name, &agent.os.version),
        device: [&device.name, &device.brand, &device.model].map(told).join(" | "),
        kind: facts.into_iter().flatten().collect::<Vec<_>>().join(" "),
    }
}

#[test]
fn programs_systems_and_devices() {
    let examples: Vec<Example> = serde_yaml::from_str(include_str!("examples.yaml")).unwrap();
    assert!(examples.len() > 70);
    for example in examples {
        assert_eq!(read_back(&example.agent), example);
    }
}

#[test]
fn the_table_is_whole() {
    let expressions = Expressions::load().unwrap();
    assert!(expressions.count() > 1_000, "an empty table would know nobody");
}

#[test]
fn what_is_too_long_is_cut_and_what_is_blank_is_nothing() {
    assert_eq!(parse("  "), None);
    let long = format!("Mozilla/5.0 {} Firefox/132.0", "ż".repeat(MAX_LENGTH));
    assert_eq!(read_back(&long).program, "Other");
    assert_eq!(read_back(&long.replace('ż', "")).program, "Firefox 132.0");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Pieces of real ones in any order and number, and anything else.
    #[test]
    fn odd_texts_are_harmless(parts in prop::collection::vec(prop_oneof![
        Just("Mozilla/5.0 ("), Just("Linux; Android 14; "), Just("; wv) Build/"), Just("iPhone; CPU iPhone OS 17_"),
        Just(") AppleWebKit/"), Just("Version/"), Just("Mobile Safari/"), Just("bot.html"), Just("SM-"), Just("żółć"), Just("9"),
        Just("; ;;"), Just("MSIE 7.0; Windows NT"),
    ], 0..200), any in ".{0,40}") {
        let text = parts.concat() + &any;
        prop_assert_eq!(parse(&text).is_none(), text.trim().is_empty());
        prop_assert_eq!(parse(&text), parse(&text), "remembered or read: the same");
    }
}
