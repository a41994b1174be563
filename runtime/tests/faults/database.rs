//! Faults of the database, which keeps configuration and accounts.

use serde_json::{Value, json};
use tracardi_servers::Fault;

use crate::between;
use crate::http::Api;
use crate::load::{Load, until};
use crate::shared::House;

/// Configuration that is changed here.
const PATH: &str = "/event-source";
const ID: &str = "changing";

fn source(name: &str) -> Value {
    let bridge = json!({"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST API Bridge"});
    json!({"id": ID, "name": name, "type": ["rest"], "enabled": true, "bridge": bridge})
}

/// Whether it is saved; if not, the answer asks to come again.
async fn save(api: &Api, name: &str) -> bool {
    let reply = api.send("POST", PATH, Some(&source(name))).await;
    assert!([200, 503].contains(&reply.status.as_u16()), "{}: {}", reply.status, reply.text);
    reply.status == 200
}

/// What is saved, as soon as it is told.
async fn saved(api: &Api) -> String {
    let mut name = None;
    until("the configuration is told", async || {
        let reply = api.send("GET", &format!("{PATH}/{ID}"), None).await;
        name = (reply.status == 200).then(|| reply.json()["name"].as_str().unwrap().to_owned());
        name.is_some()
    })
    .await;
    name.unwrap()
}

/// Requests are taken and carried out with the configuration of before; nothing is half saved.
pub(crate) async fn f10_the_database_is_down(house: &mut House) {
    let api = Api::open(house.public_url(), house.private_url()).await;
    let load = Load::start(house);
    load.more(80).await;
    assert!(save(&api, "before").await);
    let repeated = load.repeated();
    house.database.kill();
    assert!(!save(&api, "never").await);
    load.more(400).await;
    assert_eq!(load.repeated(), repeated, "the clients notice it");
    house.database.restart().unwrap();
    assert_eq!(saved(&api).await, "before");
    until("it is saved", async || save(&api, "after").await).await;
    assert_eq!(saved(&api).await, "after");
    load.check(house).await;
}

/// The connections end after so many bytes, with every change a little later: it is made as a whole or not at all.
pub(crate) async fn f11_the_database_is_cut_off_amid_a_change(house: &mut House) {
    let api = Api::open(house.public_url(), house.private_url()).await;
    let load = Load::start(house);
    assert!(save(&api, "first").await);
    let (mut before, mut made) = ("first".to_owned(), [0_u32; 2]);
    for number in 1..=30_u64 {
        let name = format!("change-{number}");
        between(house).database.set(Fault::CutAfterSent(100 * number));
        let told = save(&api, &name).await;
        between(house).database.set(Fault::None);
        let is = saved(&api).await;
        assert!(is == name || (!told && is == before), "{is} after {before} and {name} (told: {told})");
        made[usize::from(is == name)] += 1;
        until("it is saved", async || save(&api, &name).await).await;
        assert_eq!(saved(&api).await, name);
        before = name;
    }
    println!("  {} changes were made, {} were not", made[1], made[0]);
    assert!(made.iter().all(|number| *number > 0), "{made:?}: each comes about");
    load.check(house).await;
}
