//! Settings that do not fit: a line that names setting and remedy, and no restart when it is mended.

use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Secret, Supervisor};
use tracardi_queue::conformance::{self, message, send, settle};
use tracardi_queue::redis::Settings;
use tracardi_queue::{Queue, QueueError, Redis};
use tracardi_servers::{Kind, Login, Options};

use super::{ask, queue, settings, url};

fn at(endpoint: &Endpoint) -> Redis {
    Redis::new(endpoint, Tenant::only(), "commands", settings(), Supervisor::new()).unwrap()
}

async fn refusal(endpoint: &Endpoint) -> String {
    match at(endpoint).producer().await.map(drop) {
        Err(QueueError::Refused(told)) => told,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn names_and_numbers_are_looked_at_first() {
    let made = |name: &str, settings| {
        Redis::new(&Endpoint::new("redis://localhost"), Tenant::only(), name, settings, Supervisor::new()).map(drop)
    };
    assert_eq!(made("profile-commands", settings()), Ok(()));
    for (name, settings) in [
        ("", settings()),
        ("a:b", settings()),
        ("a}", settings()),
        ("a", Settings { partitions: 0, ..settings() }),
        ("a", Settings { partitions: 257, ..settings() }),
        ("a", Settings { prefix: "{x}".to_owned(), ..settings() }),
    ] {
        assert!(matches!(made(name, settings), Err(QueueError::Refused(_))), "{name}");
    }
}

#[tokio::test]
async fn credentials_and_encryption() {
    let options = Options { login: Some(Login::new("shop", "geheim")), tls: true, ..Options::default() };
    let server = Kind::Redis.start_with(&options).unwrap();
    let right = Endpoint {
        username: Some("shop".to_owned()),
        password: Some(Secret::new("geheim")),
        authority: server.authority().map(str::to_owned),
        ..Endpoint::new(format!("rediss://{}", server.address()))
    };
    send(&at(&right), [message("key", "value")]).await;
    let wrong = refusal(&Endpoint { password: Some(Secret::new("falsch")), ..right.clone() }).await;
    assert!(wrong.contains("username and password") && !wrong.contains("falsch"), "{wrong}");
    let nobody = refusal(&Endpoint { username: None, password: None, ..right.clone() }).await;
    assert!(nobody.contains("username and password"), "{nobody}");
    let stranger = refusal(&Endpoint { authority: None, ..right.clone() }).await;
    assert!(stranger.contains("authority"), "{stranger}");
    let database = refusal(&Endpoint { url: format!("{}/999", right.url), ..right.clone() }).await;
    assert!(database.contains("number"), "{database}");
    let plain = Kind::Redis.start().unwrap();
    let unencrypted = Endpoint { url: format!("rediss://{}", plain.address()), ..right };
    // It does not answer at all, so nobody can be sure.
    let unencrypted = at(&unencrypted).producer().await.map(drop).unwrap_err();
    assert!(unencrypted.to_string().contains("write redis://"), "{unencrypted}");
}

#[tokio::test]
async fn another_product_and_missing_privileges() {
    let database = Kind::MariaDb.start().unwrap();
    let other = refusal(&Endpoint::new(format!("redis://{}", database.address()))).await;
    assert!(other.contains("not Redis"), "{other}");
    let server = Kind::Redis.start().unwrap();
    let url = url(&server);
    ask::<()>(&url, &["ACL", "SETUSER", "poor", "on", ">geheim", "~*", "+@all", "-evalsha"]).await;
    let poor =
        Endpoint { username: Some("poor".to_owned()), password: Some(Secret::new("geheim")), ..Endpoint::new(&url) };
    let queue = at(&poor);
    let refusal = queue.producer().await.map(drop).unwrap_err();
    assert!(matches!(&refusal, QueueError::Refused(told) if told.contains("evalsha")), "{refusal}");
    ask::<()>(&url, &["ACL", "SETUSER", "poor", "+evalsha", "-config"]).await;
    send(&queue, [message("key", "mended")]).await;
    let durability = queue.durability().await.unwrap();
    assert!(durability.warnings.iter().any(|it| it.contains("CONFIG GET")), "{durability:?}");
    let mut consumer = queue.consumer("one").await.unwrap();
    settle(&mut *consumer, 1).await;
    consumer.leave().await;
}

/// A queue is made while its server is away, and works when that is there.
#[tokio::test]
async fn a_server_that_is_away() {
    let mut server = Kind::Redis.start().unwrap();
    let queue = queue(&url(&server), "one", settings());
    server.kill();
    assert!(matches!(queue.producer().await.map(drop), Err(QueueError::Unavailable(_))));
    server.restart().unwrap();
    send(&queue, [message("key", "value")]).await;
    let mut consumer = queue.consumer("one").await.unwrap();
    assert_eq!(conformance::texts(&settle(&mut *consumer, 1).await), ["value"]);
    consumer.leave().await;
}

#[tokio::test]
async fn what_a_receipt_is_worth() {
    let server = Kind::Redis.start().unwrap();
    let url = url(&server);
    let queue = queue(&url, "one", settings());
    let warned = queue.durability().await.unwrap();
    assert!(warned.words.contains("after at most a second"), "{}", warned.words);
    assert!(warned.warnings.iter().any(|it| it.contains("appendfsync always")));
    ask::<()>(&url, &["CONFIG", "SET", "appendfsync", "always"]).await;
    ask::<()>(&url, &["CONFIG", "SET", "maxmemory", "1073741824"]).await;
    let safe = queue.durability().await.unwrap();
    assert!(safe.words.contains("power failure"), "{}", safe.words);
    assert_eq!(safe.warnings, Vec::<String>::new());
}
