//! Pulsar as it should not be: its brokers, and its administration.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::process::Command;
use tracardi_servers::{Kind, Options, Server};
use tracardi_simulate::client::Client;

use crate::authority::Authority;
use crate::row::{COLLECTOR, Ground, INSTALL, PRIVATE_API, PUBLIC_API, Row, SECRET, complaint, write};
use crate::search::page;
use crate::support::{ADMIN, PASSWORD, Private, SOURCE, free_ports};
use crate::way::{Guise, Way};
use crate::working::{track, until};
use crate::{DATABASE, PULSAR, REDIS, ROLE, SEARCH, start};

const URL: &str = "TRACARDI_PULSAR_URL";
const ADMIN_URL: &str = "TRACARDI_PULSAR_ADMIN_URL";
const TOKEN_FILE: &str = "TRACARDI_PULSAR_TOKEN_FILE";
const CA_FILE: &str = "TRACARDI_PULSAR_CA_FILE";
const NAMESPACE: &str = "TRACARDI_PULSAR_NAMESPACE";

/// What listens for the administration, unencrypted and encrypted.
fn web(server: &Server) -> [SocketAddr; 2] {
    let plain = server.address_of("web").unwrap();
    [plain, SocketAddr::new(plain.ip(), 8443)]
}

/// The token of somebody whom [`PULSAR`] knows.
fn token(role: &str) -> String {
    PULSAR.options().login.as_ref().unwrap().token(role)
}

/// Asks for something at [`PULSAR`] as the one who may do everything.
async fn administer(method: &str, path: &str, body: &Value) {
    let mut client = Client::new(format!("http://{}", web(&PULSAR)[0]).parse().unwrap(), Duration::from_mins(1));
    let bearer = format!("Bearer {}", token(ROLE));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let path = format!("/admin/v2/{path}");
    let answer = client.request(method, &path, &headers, body.to_string().as_bytes()).await.unwrap();
    assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.detail());
}

fn administers(method: &'static str, path: &'static str, body: Value) -> BoxFuture<'static, ()> {
    Box::pin(async move { administer(method, path, &body).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in_and_whom_we_do_not_believe() {
    let ground = Ground::new();
    let ours = PULSAR.authority().unwrap();
    let wrong = ground.file("wrong", &format!("{SECRET}.{SECRET}.{SECRET}"));
    let (right, poor) = (ground.file("right", &token(ROLE)), ground.file("poor", &token("poor")));
    let (believed, stranger) = (ground.file("ours.pem", ours), ground.file("other.pem", &Authority::new().pem()));
    let with = |token: Option<&str>, authority: &str| {
        let token = token.map(|file| (TOKEN_FILE, file.to_owned()));
        let addresses =
            [(URL, format!("pulsar+ssl://{}", PULSAR.address())), (ADMIN_URL, format!("https://{}", web(&PULSAR)[1]))];
        addresses.into_iter().chain(token).chain([(CA_FILE, authority.to_owned())]).collect::<Vec<_>>()
    };
    let elsewhere = |namespace: &str| [with(Some(&right), &believed), vec![(NAMESPACE, namespace.to_owned())]].concat();
    let rows = vec![
        // Whoever works first makes the topics; the next but one may not.
        Row {
            wrong: "pulsar: the token is wrong",
            service: COLLECTOR,
            settings: with(Some(&wrong), &believed),
            says: &["TRACARDI_PULSAR_TOKEN_FILE: ", "does not let us in", "give one that it issued"],
            mend: Some(write(&wrong, &token(ROLE))),
        },
        Row {
            wrong: "pulsar: it wants a token",
            service: PRIVATE_API,
            settings: with(None, &believed),
            says: &["TRACARDI_PULSAR_TOKEN_FILE: ", "it asks for one, none is set"],
            mend: None,
        },
        Row {
            wrong: "pulsar: the token gives no right to the namespace",
            service: COLLECTOR,
            settings: with(Some(&poor), &believed),
            says: &[
                "TRACARDI_PULSAR_TOKEN_FILE",
                "gives no right to persistent://public/default/",
                "let an administrator run `pulsar-admin namespaces grant-permission public/default",
            ],
            mend: Some(administers(
                "POST",
                "namespaces/public/default/permissions/poor",
                json!(["produce", "consume"]),
            )),
        },
        Row {
            wrong: "pulsar: its authority is another one",
            service: PUBLIC_API,
            settings: with(Some(&right), &stranger),
            says: &["TRACARDI_PULSAR_CA_FILE: ", "is not believed", "give the broker's authority (PEM) that issued it"],
            mend: Some(write(&stranger, ours)),
        },
        Row {
            wrong: "pulsar: it has no such tenant",
            service: INSTALL,
            settings: elsewhere("nowhere/default"),
            says: &[
                "TRACARDI_PULSAR_NAMESPACE: ",
                "no tenant \"nowhere\"",
                "run `pulsar-admin tenants create nowhere`",
            ],
            mend: Some(administers("PUT", "tenants/nowhere", json!({"allowedClusters": ["standalone"]}))),
        },
        Row {
            wrong: "pulsar: a namespace as Pulsar has none",
            service: COLLECTOR,
            settings: elsewhere("public/shops & more"),
            says: &["TRACARDI_PULSAR_NAMESPACE: ", "give 1 to 128 letters, digits"],
            mend: None,
        },
    ];
    ground.play(rows).await;
}

/// What is wrong by itself ends the program before it waits for anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_nobody_has_to_be_asked_about() {
    let ground = Ground::new();
    let (url, admin) = ((URL, "pulsar://pulsar:6650"), (ADMIN_URL, "http://pulsar:8080"));
    let told = "--pulsar-admin-url (TRACARDI_PULSAR_ADMIN_URL) is missing";
    for (settings, told) in [
        (vec![url], told),
        (vec![url, (ADMIN_URL, " ")], told),
        (vec![url, admin, (NAMESPACE, "shop")], "--pulsar-namespace: `shop` is not TENANT/NAMESPACE"),
        (vec![url, admin, (NAMESPACE, "a/b/c")], "--pulsar-namespace: `a/b/c` is not TENANT/NAMESPACE"),
        (vec![url, admin, (TOKEN_FILE, "/nowhere/token")], "TRACARDI_PULSAR_TOKEN_FILE: cannot read /nowhere/token"),
    ] {
        for service in [PUBLIC_API, COLLECTOR] {
            let all = ground
                .environment(&settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>());
            let mut command = Command::new(env!("CARGO_BIN_EXE_tracardi"));
            command.args(service).env_clear().envs(all).stdin(Stdio::null());
            let output = command.output().await.unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            let lines: Vec<_> = text.lines().collect();
            assert!(lines.len() == 1 && lines[0].contains(told), "{settings:?}: {text}");
            assert_eq!(output.status.code(), Some(1), "{settings:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_or_nobody_and_one_that_is_killed() {
    let (ground, authority) = (Ground::new(), Authority::new());
    let mut plain = start(Kind::Pulsar, &Options::default());
    let (broker, [admin, _]) = (plain.address(), web(&plain));
    let [secured_admin, encrypted_admin] = web(&PULSAR);
    let is = |url: String, admin: String| vec![(URL, url), (ADMIN_URL, admin)];
    let at = |way: &Way| is(format!("pulsar://{}", way.address()), format!("http://{admin}"));
    let admin_at = |way: &Way| is(format!("pulsar://{broker}"), format!("http://{}", way.address()));
    // Its certificate has this name, too.
    let local = |scheme: &str, way: &Way| format!("{scheme}://localhost:{}", way.address().port());
    let who = [
        (TOKEN_FILE, ground.file("token", &token(ROLE))),
        (CA_FILE, ground.file("ours.pem", PULSAR.authority().unwrap())),
    ];
    let secured = |url: String, admin: String| is(url, admin).into_iter().chain(who.clone()).collect::<Vec<_>>();
    let encrypted = format!("pulsar+ssl://{}", PULSAR.address());
    let ways = |guise: &dyn Fn() -> Guise| [Way::to(guise()), Way::to(guise())];
    let [to_plain, to_plain_admin] = [Way::to(Guise::Server(broker)), Way::to(Guise::Server(secured_admin))];
    let [to_encrypted, to_encrypted_admin] = [PULSAR.address(), encrypted_admin].map(|it| Way::to(Guise::Server(it)));
    let [search, search_admin] = ways(&|| Guise::Server(SEARCH.address()));
    let [database, _] = ways(&|| Guise::Server(DATABASE.address()));
    let [foreign, foreign_admin] = ways(&|| page("200 OK", ""));
    let failing_admin = Way::to(page("500 Internal Server Error", ""));
    let redis_admin = Way::to(Guise::Server(REDIS.address()));
    let [nobody, nobody_admin] = ways(&|| Guise::Nobody);
    let stranger: &[&str] =
        &["TRACARDI_PULSAR_URL: ", "is no Pulsar broker", "give the address of its port 6650 or 6651"];
    let strange_admin: &[&str] =
        &["TRACARDI_PULSAR_ADMIN_URL: ", "is not Pulsar's admin API", "give the broker's web port, 8080 or 8443"];
    let away: &[&str] = &["TRACARDI_PULSAR_URL: ", "cannot be reached", "look whether it runs, and at the address"];
    let away_admin: &[&str] =
        &["TRACARDI_PULSAR_ADMIN_URL: ", "cannot be reached", "look whether it runs, and at the address"];
    // A broker leads clients on to the address that it has itself, which is not encrypted: so its own ways are not mended.
    let believed = ground.file("door.pem", &authority.pem());
    let host = to_plain.address().ip();
    let expired = Way::to(Guise::Encrypted(broker, authority.expired(host).config()));
    let elsewhere = Way::to(Guise::Encrypted(broker, authority.elsewhere().config()));
    let expired_admin = Way::to(Guise::Encrypted(admin, authority.expired(host).config()));
    let elsewhere_admin = Way::to(Guise::Encrypted(admin, authority.elsewhere().config()));
    let valid_admin = Guise::Encrypted(admin, authority.certify(host).config());
    let plaintext = Way::to(page("200 OK", ""));
    let leads = Way::to(page("307 Temporary Redirect", &format!("location: http://{}/\r\n", plaintext.address())));
    let leading = Way::to(Guise::Encrypted(leads.address(), authority.certify(host).config()));
    let behind = |url: String, admin: String| [is(url, admin), vec![(CA_FILE, believed.clone())]].concat();
    let broker_behind = |way: &Way| behind(format!("pulsar+ssl://{}", way.address()), format!("http://{admin}"));
    let admin_behind = |way: &Way| behind(format!("pulsar://{broker}"), format!("https://{}", way.address()));
    let rows = vec![
        Row {
            wrong: "pulsar: the broker's certificate has expired",
            service: COLLECTOR,
            settings: broker_behind(&expired),
            says: &["TRACARDI_PULSAR_URL: ", "has expired", "renew it on the server"],
            mend: None,
        },
        Row {
            wrong: "pulsar: the broker's certificate is for another name",
            service: PUBLIC_API,
            settings: broker_behind(&elsewhere),
            says: &["TRACARDI_PULSAR_URL: ", "for another name", "write the name that it has in the broker's address"],
            mend: None,
        },
        Row {
            wrong: "pulsar: the administration's certificate has expired",
            service: PRIVATE_API,
            settings: admin_behind(&expired_admin),
            says: &["TRACARDI_PULSAR_ADMIN_URL: ", "has expired", "renew it on the server"],
            mend: Some(expired_admin.becomes(valid_admin.clone())),
        },
        Row {
            wrong: "pulsar: the administration's certificate is for another name",
            service: COLLECTOR,
            settings: admin_behind(&elsewhere_admin),
            says: &[
                "TRACARDI_PULSAR_ADMIN_URL: ",
                "for another name",
                "write the name that it has in the admin API's address",
            ],
            mend: Some(elsewhere_admin.becomes(valid_admin.clone())),
        },
        Row {
            wrong: "pulsar: the administration leads to where nothing is encrypted",
            service: INSTALL,
            settings: admin_behind(&leading),
            says: &["TRACARDI_PULSAR_ADMIN_URL: ", "leads on to where nothing is encrypted", "look at its address"],
            mend: Some(leading.becomes(valid_admin)),
        },
        Row {
            wrong: "pulsar: the broker does not speak TLS",
            service: PUBLIC_API,
            settings: secured(local("pulsar+ssl", &to_plain), format!("https://{encrypted_admin}")),
            says: &["TRACARDI_PULSAR_URL: ", "does not speak TLS", "write pulsar:// in the broker's address"],
            mend: Some(to_plain.becomes(Guise::Server(PULSAR.address()))),
        },
        Row {
            wrong: "pulsar: the broker speaks TLS only",
            service: COLLECTOR,
            settings: at(&to_encrypted),
            says: &["TRACARDI_PULSAR_URL: ", "speaks TLS", "write pulsar+ssl:// in the broker's address"],
            mend: Some(to_encrypted.becomes(Guise::Server(broker))),
        },
        Row {
            wrong: "pulsar: the administration does not speak TLS",
            service: PRIVATE_API,
            settings: secured(encrypted, local("https", &to_plain_admin)),
            says: &["TRACARDI_PULSAR_ADMIN_URL: ", "does not speak TLS", "write http:// in the admin API's address"],
            mend: Some(to_plain_admin.becomes(Guise::Server(encrypted_admin))),
        },
        Row {
            wrong: "pulsar: the administration speaks TLS only",
            service: INSTALL,
            settings: admin_at(&to_encrypted_admin),
            says: &["TRACARDI_PULSAR_ADMIN_URL: ", "speaks TLS", "write https:// in the admin API's address"],
            mend: Some(to_encrypted_admin.becomes(Guise::Server(admin))),
        },
        Row {
            wrong: "pulsar: it is OpenSearch",
            service: COLLECTOR,
            settings: at(&search),
            // It waits for the end of a line.
            says: &["TRACARDI_PULSAR_URL: ", "does not answer", "is no Pulsar broker; look at the address"],
            mend: Some(search.becomes(Guise::Server(broker))),
        },
        Row {
            wrong: "pulsar: it is MariaDB",
            service: INSTALL,
            settings: at(&database),
            says: stranger,
            mend: Some(database.becomes(Guise::Server(broker))),
        },
        Row {
            wrong: "pulsar: another program answers",
            service: PUBLIC_API,
            settings: at(&foreign),
            says: stranger,
            mend: Some(foreign.becomes(Guise::Server(broker))),
        },
        Row {
            wrong: "pulsar: nobody listens",
            service: PUBLIC_API,
            settings: at(&nobody),
            says: away,
            mend: Some(nobody.becomes(Guise::Server(broker))),
        },
        Row {
            wrong: "pulsar: there is no such name",
            service: COLLECTOR,
            settings: is("pulsar://pulsar.invalid:6650".to_owned(), format!("http://{admin}")),
            says: away,
            mend: None,
        },
        Row {
            wrong: "pulsar: the administration is OpenSearch",
            service: PUBLIC_API,
            settings: admin_at(&search_admin),
            says: strange_admin,
            mend: Some(search_admin.becomes(Guise::Server(admin))),
        },
        Row {
            wrong: "pulsar: the administration is another program",
            service: COLLECTOR,
            settings: admin_at(&foreign_admin),
            says: strange_admin,
            mend: Some(foreign_admin.becomes(Guise::Server(admin))),
        },
        Row {
            wrong: "pulsar: the administration fails",
            service: PRIVATE_API,
            settings: admin_at(&failing_admin),
            says: &["TRACARDI_PULSAR_ADMIN_URL: ", "cannot do it now (status 500)", "look whether it is well"],
            mend: Some(failing_admin.becomes(Guise::Server(admin))),
        },
        Row {
            wrong: "pulsar: the administration is Redis",
            service: INSTALL,
            settings: admin_at(&redis_admin),
            says: &["TRACARDI_PULSAR_ADMIN_URL: ", "does not speak HTTP", "look whether it runs, and at the address"],
            mend: Some(redis_admin.becomes(Guise::Server(admin))),
        },
        Row {
            wrong: "pulsar: nobody listens for the administration",
            service: COLLECTOR,
            settings: admin_at(&nobody_admin),
            says: away_admin,
            mend: Some(nobody_admin.becomes(Guise::Server(admin))),
        },
    ];
    ground.play(rows).await;
    assert_eq!(plaintext.met(), 0, "a token went where it can be read");
    killed_at_work(&ground, &mut plain).await;
}

/// kill -9 of the broker while services work with it: clients are told to come again, and what was acknowledged is stored.
async fn killed_at_work(ground: &Ground, broker: &mut Server) {
    let [public, private, ..] = free_ports().map(|port| format!("127.0.0.1:{port}"));
    let settings = [
        ("TRACARDI_ELASTIC_PREFIX", "killed".to_owned()),
        (URL, format!("pulsar://{}", broker.address())),
        (ADMIN_URL, format!("http://{}", web(broker)[0])),
        ("TRACARDI_PUBLIC_LISTEN", public.clone()),
        ("TRACARDI_PRIVATE_LISTEN", private.clone()),
    ];
    let (public, private) = (format!("http://{public}"), format!("http://{private}"));
    let mut install = ground.service("killed-install", INSTALL, &settings);
    install.spawn();
    assert!(install.ended().await.success(), "{}", install.log());
    let mut services = [PUBLIC_API, PRIVATE_API, COLLECTOR].map(|service| {
        let mut process = ground.service(&format!("killed-{}", service.join("-")), service, &settings);
        process.spawn();
        process
    });
    for process in &mut services {
        process.ready().await;
    }
    let [public_api, private_api, collector] = &mut services;
    let mut api = Private::log_in(&private, ADMIN, PASSWORD).await;
    let bridge = json!({"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST API Bridge"});
    let source = json!({"id": SOURCE, "name": "Shop", "type": ["rest"], "enabled": true, "bridge": bridge});
    api.post("/event-source", &source).await;
    until(async || track(&public, "first").await.status == 200).await;
    until(async || api.count("event").await >= 1).await;

    broker.kill();
    let told = ["queue: ", "cannot be reached", "look whether it runs, and at the address"];
    let complaint = complaint(collector, "pulsar: it is away", &told).await;
    assert!(!complaint.trim_end().contains('\n'), "more than a line: {complaint}");
    until(async || track(&public, "second").await.status == 503).await;
    broker.restart().unwrap();
    collector.ready().await;
    public_api.ready().await;
    until(async || track(&public, "third").await.status == 200).await;
    let mut api = Private::log_in(&private, ADMIN, PASSWORD).await;
    until(async || api.count("event").await >= 2).await;
    for process in [public_api, private_api, collector] {
        assert!(!process.log().contains("panicked"), "{}", process.log());
        process.stop().await;
    }
}
