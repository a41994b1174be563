//! Elasticsearch and OpenSearch as they should not be.

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tracardi_simulate::client::Client;

use crate::authority::Authority;
use crate::row::{COLLECTOR, Ground, INSTALL, OUTBOUND, PRIVATE_API, PUBLIC_API, Row, SECRET, STORAGE, write};
use crate::way::{Guise, Way};
use crate::{DATABASE, REDIS, SEARCH};

const URL: &str = "TRACARDI_ELASTIC_URL";
const USERNAME: &str = "TRACARDI_ELASTIC_USERNAME";
const PASSWORD_FILE: &str = "TRACARDI_ELASTIC_PASSWORD_FILE";
const CA_FILE: &str = "TRACARDI_ELASTIC_CA_FILE";
/// A password that the server takes for one.
const STRONG: &str = "Correct-Horse-42-Battery";

/// Asks the server as its administrator.
pub(crate) async fn ask(method: &str, path: &str, body: &Value) {
    let mut client = Client::new(format!("http://{}", SEARCH.address()).parse().unwrap(), Duration::from_secs(30));
    // admin:admin
    let headers = [("authorization", "Basic YWRtaW46YWRtaW4="), ("content-type", "application/json")];
    let answer = client.request(method, path, &headers, body.to_string().as_bytes()).await.unwrap();
    assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.detail());
}

fn asks(method: &'static str, path: String, body: Value) -> BoxFuture<'static, ()> {
    Box::pin(async move { ask(method, &path, &body).await })
}

/// Makes a user, or changes who it is.
async fn user(name: &str, roles: Value) {
    let mut user = json!({"password": STRONG});
    user.as_object_mut().unwrap().extend(roles.as_object().unwrap().clone());
    ask("PUT", &format!("/_plugins/_security/api/internalusers/{name}"), &user).await;
}

fn becomes_admin(name: &'static str) -> BoxFuture<'static, ()> {
    Box::pin(async move { user(name, json!({"backend_roles": ["admin"]})).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in() {
    let ground = Ground::new();
    let wrong = ground.file("wrong", &format!("{SECRET}-1"));
    let right = ground.file("right", STRONG);
    user("reader", json!({"opendistro_security_roles": ["readall"]})).await;
    let as_user = |name: &str, file: &str| vec![(USERNAME, name.to_owned()), (PASSWORD_FILE, file.to_owned())];
    let refused: &[&str] =
        &["TRACARDI_ELASTIC_USERNAME, TRACARDI_ELASTIC_PASSWORD_FILE: ", "check username and password"];
    let rows = vec![
        Row {
            wrong: "search: the password is wrong",
            service: PUBLIC_API,
            settings: vec![(PASSWORD_FILE, wrong.clone())],
            says: refused,
            mend: Some(write(&wrong, "admin")),
        },
        Row {
            wrong: "search: there is no such user",
            service: STORAGE,
            settings: as_user("newcomer", &right),
            says: refused,
            mend: Some(becomes_admin("newcomer")),
        },
        Row {
            wrong: "search: the user may read only",
            service: INSTALL,
            settings: as_user("reader", &right),
            says: &["TRACARDI_ELASTIC_USERNAME: ", "lacks a privilege", "grant it"],
            mend: Some(becomes_admin("reader")),
        },
    ];
    ground.play(rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_we_do_not_believe() {
    let ground = Ground::new();
    let (ours, other) = (Authority::new(), Authority::new());
    let server = SEARCH.address();
    let plain = Way::to(Guise::Server(server));
    let valid = Guise::Encrypted(server, ours.certify(plain.address().ip()).config());
    let encrypted = Way::to(valid.clone());
    let expired = Way::to(Guise::Encrypted(server, ours.expired(plain.address().ip()).config()));
    let elsewhere = Way::to(Guise::Encrypted(server, ours.elsewhere().config()));
    let unencrypted = Way::to(valid.clone());
    let (stranger, believed) = (ground.file("other.pem", &other.pem()), ground.file("ours.pem", &ours.pem()));
    let https = |way: &Way, file: &str| vec![(URL, format!("https://{}", way.address())), (CA_FILE, file.to_owned())];
    let rows = vec![
        Row {
            wrong: "search: its authority is another one",
            service: PRIVATE_API,
            settings: https(&encrypted, &stranger),
            says: &["TRACARDI_ELASTIC_CA_FILE: ", "certificate", "give the authority's certificate (PEM)"],
            mend: Some(write(&stranger, &ours.pem())),
        },
        Row {
            wrong: "search: its certificate has expired",
            service: COLLECTOR,
            settings: https(&expired, &believed),
            says: &["TRACARDI_ELASTIC_URL: ", "it has expired; give the server a new one"],
            mend: Some(expired.becomes(valid.clone())),
        },
        Row {
            wrong: "search: its certificate is for another name",
            service: OUTBOUND,
            settings: https(&elsewhere, &believed),
            says: &["TRACARDI_ELASTIC_URL: ", "it is for another name; use the name of the certificate in the URL"],
            mend: Some(elsewhere.becomes(valid.clone())),
        },
        Row {
            wrong: "search: it does not speak TLS",
            service: STORAGE,
            settings: https(&plain, &believed),
            says: &["TRACARDI_ELASTIC_URL: ", "check whether the URL should be http://"],
            mend: Some(plain.becomes(valid)),
        },
        Row {
            wrong: "search: it speaks TLS only",
            service: PUBLIC_API,
            settings: vec![(URL, format!("http://{}", unencrypted.address()))],
            says: &["TRACARDI_ELASTIC_URL: ", "does it want https://?"],
            mend: Some(unencrypted.becomes(Guise::Server(server))),
        },
    ];
    ground.play(rows).await;
}

/// An answer that nobody should see who may only say where to look.
pub(crate) fn page(status: &str, headers: &str) -> Guise {
    let body = format!("<html>{SECRET}</html>");
    Guise::Stranger(format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_or_nobody() {
    let ground = Ground::new();
    let server = Guise::Server(SEARCH.address());
    let http = |way: &Way| vec![(URL, format!("http://{}", way.address()))];
    let old = Way::to(Guise::Altered(SEARCH.address(), "\"2.19.", "\"1.19."));
    let inner = Way::to(page("200 OK", ""));
    let foreign = Way::to(page("200 OK", ""));
    let redirect = Way::to(page("302 Found", &format!("location: http://{}/\r\n", inner.address())));
    let (redis, database) = (Way::to(Guise::Server(REDIS.address())), Way::to(Guise::Server(DATABASE.address())));
    let nobody = Way::to(Guise::Nobody);
    let rows = vec![
        Row {
            wrong: "search: it is too old",
            service: PRIVATE_API,
            settings: http(&old),
            says: &["TRACARDI_ELASTIC_URL: ", "is OpenSearch 1.19", "at least OpenSearch 2.7 is needed: upgrade it"],
            mend: Some(old.becomes(server.clone())),
        },
        Row {
            wrong: "search: another program answers over HTTP",
            service: COLLECTOR,
            settings: http(&foreign),
            says: &[
                "TRACARDI_ELASTIC_URL: ",
                "is no Elasticsearch or OpenSearch: it answered with status 200",
                "check host and port",
            ],
            mend: Some(foreign.becomes(server.clone())),
        },
        Row {
            wrong: "search: it leads elsewhere",
            service: INSTALL,
            settings: http(&redirect),
            says: &["TRACARDI_ELASTIC_URL: ", "it leads elsewhere (status 302)", "check host and port"],
            mend: Some(redirect.becomes(server.clone())),
        },
        Row {
            wrong: "search: it is Redis",
            service: OUTBOUND,
            settings: http(&redis),
            says: &["TRACARDI_ELASTIC_URL: ", "is no Elasticsearch or OpenSearch", "check host and port"],
            mend: Some(redis.becomes(server.clone())),
        },
        Row {
            wrong: "search: it is MariaDB",
            service: PUBLIC_API,
            settings: http(&database),
            says: &["TRACARDI_ELASTIC_URL: ", "is no Elasticsearch or OpenSearch", "check host and port"],
            mend: Some(database.becomes(server.clone())),
        },
        Row {
            wrong: "search: nobody listens",
            service: STORAGE,
            settings: http(&nobody),
            says: &["TRACARDI_ELASTIC_URL: ", "cannot be reached", "check its URL and whether it runs"],
            mend: Some(nobody.becomes(server)),
        },
        Row {
            wrong: "search: there is no such name",
            service: PUBLIC_API,
            settings: vec![(URL, "http://search.invalid:9200".to_owned())],
            says: &["TRACARDI_ELASTIC_URL: ", "cannot be reached", "check its URL and whether it runs"],
            mend: None,
        },
    ];
    ground.play(rows).await;
    assert_eq!(inner.met(), 0, "a redirect was followed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indices_that_take_no_writes() {
    let ground = Ground::new();
    let with = |prefix: &str| vec![("TRACARDI_ELASTIC_PREFIX", prefix.to_owned())];
    let settings = |prefix: &str| format!("/{prefix}-*/_settings");
    for (prefix, block) in [("closed", "read_only"), ("flooded", "read_only_allow_delete")] {
        let mut install = ground.service(&format!("install-{prefix}"), INSTALL, &with(prefix));
        install.spawn();
        assert!(install.ended().await.success(), "{}", install.log());
        ask("PUT", &settings(prefix), &json!({format!("index.blocks.{block}"): true})).await;
    }
    let rows = vec![
        Row {
            wrong: "search: its indices are read-only",
            service: COLLECTOR,
            settings: with("closed"),
            says: &["TRACARDI_ELASTIC_URL: ", "takes no writes", "take the block off (index.blocks.*"],
            mend: Some(asks("PUT", settings("closed"), json!({"index.blocks.read_only": null}))),
        },
        Row {
            wrong: "search: its disk was full",
            service: STORAGE,
            settings: with("flooded"),
            says: &["TRACARDI_ELASTIC_URL: ", "takes no writes", "make space on its disks"],
            mend: Some(asks("PUT", settings("flooded"), json!({"index.blocks.read_only_allow_delete": null}))),
        },
    ];
    ground.play(rows).await;
}
