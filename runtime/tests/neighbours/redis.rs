//! Redis as it should not be.

use futures::future::BoxFuture;
use tracardi_servers::{Kind, Options, Server};

use crate::authority::Authority;
use crate::row::{COLLECTOR, Ground, INSTALL, PRIVATE_API, PUBLIC_API, Row, SECRET, write};
use crate::way::{Guise, Way};
use crate::{DATABASE, REDIS, SEARCH, start};

const URL: &str = "TRACARDI_REDIS_URL";
const USERNAME: &str = "TRACARDI_REDIS_USERNAME";
const PASSWORD_FILE: &str = "TRACARDI_REDIS_PASSWORD_FILE";
const CA_FILE: &str = "TRACARDI_REDIS_CA_FILE";

/// Tells a server something; what it answers must be no error. `url`: with who may say so.
pub(crate) async fn tell(url: &str, words: &[&str]) {
    let client = ::redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut order = ::redis::Cmd::new();
    for word in words {
        order.arg(*word);
    }
    order.query_async::<()>(&mut connection).await.unwrap();
}

fn tells(url: String, words: &'static [&'static str]) -> BoxFuture<'static, ()> {
    Box::pin(async move { tell(&url, words).await })
}

fn url(server: &Server) -> String {
    format!("redis://{}", server.address())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in() {
    let ground = Ground::new();
    let own = start(Kind::Redis, &Options::default());
    let (wrong, right) = (ground.file("wrong", &format!("{SECRET}-1")), ground.file("right", "right"));
    let shared = url(&REDIS);
    for (name, rules) in [("known", "+@all"), ("poor", "-xadd"), ("blind", "+@all")] {
        tell(&shared, &["ACL", "SETUSER", name, "on", ">right", "~*", "&*", "+@all", rules]).await;
    }
    tell(&shared, &["ACL", "SETUSER", "blind", "resetkeys", "~theirs:*"]).await;
    tell(&url(&own), &["CONFIG", "SET", "requirepass", "right"]).await;
    let as_user = |name: &str, file: &str| vec![(USERNAME, name.to_owned()), (PASSWORD_FILE, file.to_owned())];
    let refused: &[&str] =
        &["TRACARDI_REDIS_USERNAME, TRACARDI_REDIS_PASSWORD_FILE: ", "correct username and password"];
    let rows = vec![
        Row {
            wrong: "redis: the password is wrong",
            service: COLLECTOR,
            settings: as_user("known", &wrong),
            says: refused,
            mend: Some(write(&wrong, "right")),
        },
        Row {
            wrong: "redis: there is no such user",
            service: PUBLIC_API,
            settings: as_user("newcomer", &right),
            says: refused,
            mend: Some(tells(shared.clone(), &["ACL", "SETUSER", "newcomer", "on", ">right", "~*", "&*", "+@all"])),
        },
        Row {
            wrong: "redis: it wants a password",
            service: INSTALL,
            settings: vec![(URL, url(&own))],
            says: refused,
            mend: Some(tells(format!("redis://:right@{}", own.address()), &["CONFIG", "SET", "requirepass", ""])),
        },
        Row {
            wrong: "redis: the user may not append",
            service: PRIVATE_API,
            settings: as_user("poor", &right),
            says: &["TRACARDI_REDIS_USERNAME: ", "NOPERM", "XADD", "give the user the command"],
            mend: Some(tells(shared.clone(), &["ACL", "SETUSER", "poor", "+xadd"])),
        },
        Row {
            wrong: "redis: the user may not touch our keys",
            service: COLLECTOR,
            settings: as_user("blind", &right),
            says: &["TRACARDI_REDIS_USERNAME: ", "NOPERM", "the keys"],
            mend: Some(tells(shared, &["ACL", "SETUSER", "blind", "allkeys"])),
        },
    ];
    ground.play(rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_we_do_not_believe() {
    let ground = Ground::new();
    let (ours, other) = (Authority::new(), Authority::new());
    let server = REDIS.address();
    let plain = Way::to(Guise::Server(server));
    let host = plain.address().ip();
    let valid = Guise::Encrypted(server, ours.certify(host).config());
    let (encrypted, unencrypted) = (Way::to(valid.clone()), Way::to(valid.clone()));
    let expired = Way::to(Guise::Encrypted(server, ours.expired(host).config()));
    let elsewhere = Way::to(Guise::Encrypted(server, ours.elsewhere().config()));
    let (stranger, believed) = (ground.file("other.pem", &other.pem()), ground.file("ours.pem", &ours.pem()));
    let rediss = |way: &Way, file: &str| vec![(URL, format!("rediss://{}", way.address())), (CA_FILE, file.to_owned())];
    let rows = vec![
        Row {
            wrong: "redis: its authority is another one",
            service: INSTALL,
            settings: rediss(&encrypted, &stranger),
            says: &["TRACARDI_REDIS_CA_FILE: ", "is not believed", "give the authority (PEM) that it comes from"],
            mend: Some(write(&stranger, &ours.pem())),
        },
        Row {
            wrong: "redis: its certificate has expired",
            service: PUBLIC_API,
            settings: rediss(&expired, &believed),
            says: &["TRACARDI_REDIS_URL: ", "has expired", "renew it on the server"],
            mend: Some(expired.becomes(valid.clone())),
        },
        Row {
            wrong: "redis: its certificate is for another name",
            service: COLLECTOR,
            settings: rediss(&elsewhere, &believed),
            says: &["TRACARDI_REDIS_URL: ", "is for another name", "write the name that it has in the URL"],
            mend: Some(elsewhere.becomes(valid.clone())),
        },
        Row {
            wrong: "redis: it does not speak TLS",
            service: PRIVATE_API,
            settings: rediss(&plain, &believed),
            says: &["TRACARDI_REDIS_URL: ", "write redis:// instead of rediss://"],
            mend: Some(plain.becomes(valid)),
        },
        Row {
            wrong: "redis: it speaks TLS only",
            service: COLLECTOR,
            settings: vec![(URL, format!("redis://{}", unencrypted.address()))],
            says: &["TRACARDI_REDIS_URL: ", "write rediss:// if it speaks TLS"],
            mend: Some(unencrypted.becomes(Guise::Server(server))),
        },
    ];
    ground.play(rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_or_nobody() {
    let ground = Ground::new();
    let own = start(Kind::Redis, &Options::default());
    let server = Guise::Server(REDIS.address());
    let redis = |way: &Way| vec![(URL, format!("redis://{}", way.address()))];
    let old = Way::to(Guise::Altered(REDIS.address(), "redis_version:7.", "redis_version:6."));
    let database = Way::to(Guise::Server(DATABASE.address()));
    let search = Way::to(Guise::Server(SEARCH.address()));
    let nobody = Way::to(Guise::Nobody);
    let (host, port) = (REDIS.address().ip().to_string(), REDIS.address().port().to_string());
    tell(&url(&own), &["REPLICAOF", &host, &port]).await;
    let rows = vec![
        Row {
            wrong: "redis: it is too old",
            service: PUBLIC_API,
            settings: redis(&old),
            says: &["TRACARDI_REDIS_URL: ", "and 7.0 or newer is needed: upgrade it"],
            mend: Some(old.becomes(server.clone())),
        },
        Row {
            wrong: "redis: it is MariaDB",
            service: INSTALL,
            settings: redis(&database),
            says: &["TRACARDI_REDIS_URL: ", "is not Redis: correct the URL"],
            mend: Some(database.becomes(server.clone())),
        },
        Row {
            wrong: "redis: it is OpenSearch",
            service: COLLECTOR,
            settings: redis(&search),
            says: &["TRACARDI_REDIS_URL: ", "is not Redis: correct the URL"],
            mend: Some(search.becomes(server.clone())),
        },
        Row {
            wrong: "redis: nobody listens",
            service: PRIVATE_API,
            settings: redis(&nobody),
            says: &["TRACARDI_REDIS_URL: ", "cannot be reached", "look whether it runs, and at the URL"],
            mend: Some(nobody.becomes(server)),
        },
        Row {
            wrong: "redis: it is a replica",
            service: COLLECTOR,
            settings: vec![(URL, url(&own))],
            says: &["TRACARDI_REDIS_URL: ", "is a replica now", "until the URL leads to the primary"],
            mend: Some(tells(url(&own), &["REPLICAOF", "NO", "ONE"])),
        },
        Row {
            wrong: "redis: it has no such database",
            service: PUBLIC_API,
            settings: vec![(URL, format!("{}/999", url(&REDIS)))],
            says: &["TRACARDI_REDIS_URL: ", "correct the number after the address"],
            mend: None,
        },
        Row {
            wrong: "redis: there is no such name",
            service: COLLECTOR,
            settings: vec![(URL, "redis://redis.invalid".to_owned())],
            says: &["TRACARDI_REDIS_URL: ", "cannot be reached", "look whether it runs, and at the URL"],
            mend: None,
        },
    ];
    ground.play(rows).await;
}
