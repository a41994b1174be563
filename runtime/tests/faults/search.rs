//! Faults of the search server, which keeps events, sessions and profiles.

use std::time::Duration;

use serde_json::{Value, json};
use tracardi_queue::Chosen;
use tracardi_servers::HttpFault;

use crate::between;
use crate::http::call;
use crate::load::{Load, Visit, client, counted, until};
use crate::queue;
use crate::shared::{House, Process};
use crate::support::{ADMIN, PASSWORD};

fn refusing(status: u16, retry_after: Option<u64>) -> HttpFault {
    HttpFault::Status { status, retry_after }
}

/// Requests are acknowledged as long as the queue has room; what waits is stored when the server takes writes again.
pub(crate) async fn f01_search_answers_503(house: &mut House) {
    let (load, search) = (Load::start(house), &between(house).search);
    load.more(80).await;
    search.set("_bulk", refusing(503, None));
    until("bulks are refused", async || search.spoiled() > 0).await;
    let (repeated, refused) = (load.repeated(), search.spoiled());
    load.more(400).await;
    until("they are tried again", async || search.spoiled() >= refused + 6).await;
    assert_eq!(load.repeated(), repeated, "the clients notice it");
    search.clear();
    load.check(house).await;
}

/// A server that has too much to do is asked less and less often.
pub(crate) async fn f02_search_answers_429(house: &mut House) {
    let (load, search) = (Load::start(house), &between(house).search);
    for retry_after in [None, Some(1)] {
        load.more(80).await;
        let before = search.spoiled();
        search.set("", refusing(429, retry_after));
        load.more(400).await;
        tokio::time::sleep(Duration::from_secs(8)).await;
        let asked = search.spoiled() - before;
        search.clear();
        println!("  {asked} requests while it refused");
        // Four processes, whose pauses double up to seconds. Without pauses it would be thousands.
        assert!((4..200).contains(&asked), "{asked} requests while it refused");
        load.flows().await;
    }
    load.check(house).await;
}

/// What is refused of a bulk concerns nobody else. An event is kept at least, without its content being searchable. A profile that
/// cannot be written leaves nothing behind, and its request goes to the dead letters, from where it can be sent again. What follows
/// from a profile that is written is waited for.
pub(crate) async fn f03_one_item_of_a_bulk_is_refused(house: &mut House) {
    let (load, search) = (Load::start(house), &between(house).search);
    let (mut client, queue) = (client(house), queue::open(house).await);
    let mut private = house.log_in(ADMIN, PASSWORD).await;

    // As it is searched by its content.
    search.set("_bulk", HttpFault::RefuseItems { containing: r#""note":"strange""#.to_owned() });
    let mut kept = Visit::new("f03-kept");
    kept.note(&mut client, "strange").await;
    kept.check(&mut private).await;
    assert!(search.spoiled() > 0);

    // A profile, whatever is left out of it.
    let mut visit = Visit::new("f03-refused");
    visit.go_on(&mut client).await;
    visit.check(&mut private).await;
    let profile = visit.profile.clone().unwrap();
    search.set("_bulk", HttpFault::RefuseItems { containing: profile.clone() });
    visit.go_on(&mut client).await;
    until("a dead letter", async || queue.figures().await.unwrap().buried == 1).await;
    let letters = queue.buried(0, 10).await.unwrap();
    let (letter, reason) = (String::from_utf8_lossy(&letters[0].message.payload), &letters[0].reason);
    assert!(letter.contains("f03-refused") && reason.contains("refused as the test wants it"), "{reason}: {letter}");
    assert_eq!(counted(&mut private, &profile).await, 1);
    search.clear();
    assert_eq!(queue.replay(&Chosen::All, 10).await.unwrap(), 1);
    visit.check(&mut private).await;

    // An event that is counted already, in whatever form.
    search.set("_bulk", HttpFault::RefuseItems { containing: "impossible".to_owned() });
    visit.note(&mut client, "impossible").await;
    until("a collector says so", async || {
        for process in &house.collectors {
            if process.complaint().await.is_some() {
                return true;
            }
        }
        false
    })
    .await;
    search.clear();
    visit.check(&mut private).await;
    load.check(house).await;
    assert_eq!(queue.figures().await.unwrap().buried, 0);
}

/// The server has done it, the answer gets lost; or a request arrives twice.
pub(crate) async fn f04_answers_of_the_search_server_get_lost(house: &mut House) {
    let (load, search) = (Load::start(house), &between(house).search);
    load.more(80).await;
    for fault in [HttpFault::CutAnswer, HttpFault::Twice] {
        search.script("_bulk", std::iter::repeat_n(fault, 20));
        until("each has met a request", async || search.waiting() == 0).await;
        load.flows().await;
    }
    load.check(house).await;
}

/// While the server does not answer, the clients are answered as ever; while it takes a second for everything, work goes on.
pub(crate) async fn f05_search_is_slow(house: &mut House) {
    let (load, search) = (Load::start(house), &between(house).search);
    load.more(80).await;
    let repeated = load.repeated();
    search.set("", HttpFault::Hold);
    until("requests are held", async || search.spoiled() > 0).await;
    load.more(400).await;
    search.set("", HttpFault::Delay(Duration::from_secs(1)));
    load.more(400).await;
    assert_eq!(load.repeated(), repeated, "the clients notice it");
    search.clear();
    load.check(house).await;
}

/// As a server makes them whose disk is nearly full.
pub(crate) async fn f06_indices_are_read_only(house: &mut House) {
    let load = Load::start(house);
    load.more(80).await;
    let settings = format!("http://{}/tracardi-*/_settings", house.search.address());
    let block = async |on: Value| {
        let answer = call("PUT", &settings).json(&json!({"index.blocks.read_only_allow_delete": on})).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    block(json!(true)).await;
    let repeated = load.repeated();
    for process in &house.collectors {
        until("a collector says so", async || process.complaint().await.is_some()).await;
    }
    load.more(200).await;
    assert_eq!(load.repeated(), repeated, "the clients notice it");
    block(Value::Null).await;
    for process in &mut house.collectors {
        process.ready().await;
    }
    load.check(house).await;
}

/// Whoever starts meanwhile says what is missing, and goes on by itself.
pub(crate) async fn f07_search_is_down_at_the_start(house: &mut House) {
    let load = Load::start(house);
    load.more(80).await;
    house.search.kill();
    let House { private_api, storage, collectors, .. } = house;
    let mut starting: Vec<&mut Process> = [private_api, storage].into_iter().chain(collectors).collect();
    for process in &mut starting {
        process.kill().await;
        process.spawn();
    }
    for process in &starting {
        until("it says what is missing", async || {
            process.complaint().await.is_some_and(|complaint| complaint.contains("TRACARDI_ELASTIC_URL"))
        })
        .await;
    }
    load.more(200).await;
    house.search.restart().unwrap();
    for process in house.processes() {
        process.ready().await;
    }
    load.check(house).await;
}
