//! Every server that `make test` needs: it starts, answers, and has after a kill -9 what it had acknowledged before. Spoken to by
//! the programs that come with it, or over HTTP.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a failure there is the test's failure")]

use std::process::{Command, Stdio};

use tracardi_servers::{Kind, Login, Options, Server};

/// Standard output of a program that must succeed.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{program}: {said} {}", String::from_utf8_lossy(&output.stderr));
    said
}

fn fails(program: &str, arguments: &[&str]) -> bool {
    !Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap().status.success()
}

fn host(server: &Server) -> String {
    server.address().ip().to_string()
}

fn secret() -> Options {
    Options { login: Some(Login::new("shop", "secret")), ..Options::default() }
}

/// The authority's certificate in a file.
fn authority(server: &Server) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), server.authority().unwrap()).unwrap();
    file
}

/// Status and body, whatever the status.
fn answer(request: ureq::http::Request<&str>) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.run(request).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

/// Whether the main port shows a certificate of the server's authority for its address.
fn speaks_tls(server: &Server) {
    let (authority, address) = (authority(server), server.address().to_string());
    let (file, name) = (authority.path().to_str().unwrap(), host(server));
    let verify = ["-CAfile", file, "-verify_return_error", "-verify_ip", &name, "-brief"];
    run("openssl", &[&["s_client", "-connect", &address], &verify[..]].concat());
}

#[test]
fn redis() {
    let mut server = Kind::Redis.start().unwrap();
    let host = host(&server);
    let redis = |words: &[&str]| run("redis-cli", &[&["-h", &host], words].concat());
    assert_eq!(redis(&["set", "key", "value"]), "OK");
    server.kill();
    assert!(!server.is_running());
    server.restart().unwrap();
    assert_eq!(redis(&["get", "key"]), "value");
    server.stop().unwrap();
    server.restart().unwrap();
    assert_eq!(redis(&["get", "key"]), "value");
}

#[test]
fn a_frozen_server_keeps_its_connections_and_goes_on() {
    let server = Kind::Redis.start().unwrap();
    let host = host(&server);
    server.freeze();
    let waiting = Command::new("redis-cli").args(["-h", &host, "ping"]).stdout(Stdio::piped()).spawn();
    assert!(server.is_running());
    server.thaw();
    let answer = waiting.unwrap().wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "PONG");
}

#[test]
fn redis_with_login_and_encryption() {
    let server = Kind::Redis.start_with(&Options { tls: true, ..secret() }).unwrap();
    let (host, authority) = (host(&server), authority(&server));
    let authority = authority.path().to_str().unwrap();
    let tls = ["-h", &host, "--tls", "--cacert", authority, "--no-auth-warning"];
    let with = |words: &[&str]| run("redis-cli", &[&tls[..], words].concat());
    assert!(with(&["ping"]).starts_with("NOAUTH"));
    assert_eq!(with(&["--user", "shop", "-a", "secret", "ping"]), "PONG");
}

#[test]
fn mosquitto() {
    let mut server = Kind::Mosquitto.start().unwrap();
    let host = host(&server);
    let publish = |topic: &str| run("mosquitto_pub", &["-h", &host, "-t", topic, "-m", "value", "-q", "1", "-r"]);
    publish("one");
    // When the second is acknowledged, the first is on disk.
    publish("two");
    server.kill();
    server.restart().unwrap();
    assert_eq!(run("mosquitto_sub", &["-h", &host, "-t", "one", "-C", "1", "-W", "60"]), "value");
    server.stop().unwrap();
}

#[test]
fn mosquitto_with_login_and_encryption() {
    let server = Kind::Mosquitto.start_with(&Options { tls: true, ..secret() }).unwrap();
    let (host, authority) = (host(&server), authority(&server));
    let authority = authority.path().to_str().unwrap();
    let publish = ["-h", &host, "-p", "1883", "--cafile", authority, "-t", "t", "-m", "v", "-q", "1"];
    assert!(fails("mosquitto_pub", &publish));
    run("mosquitto_pub", &[&publish[..], &["-u", "shop", "-P", "secret"]].concat());
    assert!(fails("mosquitto_pub", &[&publish[..], &["-u", "shop", "-P", "wrong"]].concat()));
}

/// A request to RabbitMQ's management; the status and the body.
fn rabbit(server: &Server, login: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let url = format!("http://{login}@{}/api/{path}", server.address_of("management").unwrap());
    answer(ureq::http::Request::builder().method(method).uri(url).body(body).unwrap())
}

#[test]
fn rabbitmq() {
    let mut server = Kind::RabbitMq.start().unwrap();
    let guest = "guest:guest";
    assert_eq!(rabbit(&server, guest, "PUT", "queues/%2F/line", r#"{"durable":true}"#).0, 201);
    // It acknowledges a queue up to two seconds before it has written it; a clean end writes it. Messages are on disk at once.
    server.stop().unwrap();
    server.restart().unwrap();
    let message =
        r#"{"properties":{"delivery_mode":2},"routing_key":"line","payload":"value","payload_encoding":"string"}"#;
    let (status, routed) = rabbit(&server, guest, "POST", "exchanges/%2F/amq.default/publish", message);
    assert_eq!((status, routed.as_str()), (200, r#"{"routed":true}"#));
    server.kill();
    server.restart().unwrap();
    let take = r#"{"count":1,"ackmode":"ack_requeue_false","encoding":"auto"}"#;
    let (status, messages) = rabbit(&server, guest, "POST", "queues/%2F/line/get", take);
    assert!(status == 200 && messages.contains(r#""payload":"value""#), "{status} {messages}");
    server.stop().unwrap();
}

#[test]
fn rabbitmq_with_login_and_encryption() {
    let server = Kind::RabbitMq.start_with(&Options { tls: true, ..secret() }).unwrap();
    assert_eq!(rabbit(&server, "shop:secret", "GET", "whoami", "").0, 200);
    assert_eq!(rabbit(&server, "shop:wrong", "GET", "whoami", "").0, 401);
    speaks_tls(&server);
}

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

#[test]
fn kafka() {
    let mut server = Kind::Kafka.start().unwrap();
    let address = server.address().to_string();
    let to = ["--bootstrap-server", &address];
    server.tool(TOPICS, &[&to[..], &["--create", "--topic", "line"]].concat()).unwrap();
    let three = ["--topic", "line", "--max-messages", "3"];
    // Each is acknowledged by all copies, which is one.
    server.tool("org.apache.kafka.tools.VerifiableProducer", &[&to[..], &three].concat()).unwrap();
    server.kill();
    server.restart().unwrap();
    let all = ["--partition", "0", "--offset", "earliest", "--timeout-ms", "60000"];
    let read =
        server.tool("org.apache.kafka.tools.consumer.ConsoleConsumer", &[&to[..], &three, &all].concat()).unwrap();
    assert_eq!(read.lines().collect::<Vec<_>>(), ["0", "1", "2"]);
    server.stop().unwrap();
}

#[test]
fn kafka_with_login_and_encryption() {
    let server = Kind::Kafka.start_with(&Options { tls: true, ..secret() }).unwrap();
    let authority = authority(&server);
    let list = |mechanism: &str, module: &str, password: &str| {
        let settings = tempfile::NamedTempFile::new().unwrap();
        let text = format!(
            "security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location={}\nsasl.mechanism={mechanism}\n\
             sasl.jaas.config=org.apache.kafka.common.security.{module} required username=\"shop\" \
             password=\"{password}\";\n",
            authority.path().display()
        );
        std::fs::write(settings.path(), text).unwrap();
        let (address, settings) = (server.address().to_string(), settings.path().to_str().unwrap().to_owned());
        server.tool(TOPICS, &["--bootstrap-server", &address, "--command-config", &settings, "--list"])
    };
    let (plain, scram) = ("plain.PlainLoginModule", "scram.ScramLoginModule");
    list("PLAIN", plain, "secret").unwrap();
    list("SCRAM-SHA-256", scram, "secret").unwrap();
    list("SCRAM-SHA-512", scram, "secret").unwrap();
    let error = list("PLAIN", plain, "wrong").unwrap_err().to_string();
    assert!(error.contains("Authentication failed"), "{error}");
}

/// A request to Pulsar's web service; the status and the body.
fn pulsar_web(server: &Server, token: Option<&str>, method: &str, path: &str, body: &str) -> (u16, String) {
    let url = format!("http://{}/{path}", server.address_of("web").unwrap());
    let mut request = ureq::http::Request::builder().method(method).uri(url).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    answer(request.body(body).unwrap())
}

#[test]
fn pulsar() {
    const TOPIC: &str = "persistent/public/default/line";
    let mut server = Kind::Pulsar.start().unwrap();
    assert_eq!(pulsar_web(&server, None, "PUT", &format!("admin/v2/{TOPIC}"), "").0, 204);
    let schema = r#"{\"name\":\"\",\"schema\":\"\",\"type\":\"STRING\",\"properties\":{}}"#;
    let message = format!(r#"{{"producerName":"test","valueSchema":"{schema}","messages":[{{"payload":"value"}}]}}"#);
    let (status, receipt) = pulsar_web(&server, None, "POST", &format!("topics/{TOPIC}"), &message);
    assert!(status == 200 && receipt.contains(r#""errorCode":0"#), "{status} {receipt}");
    server.kill();
    server.restart().unwrap();
    let first = format!("admin/v2/{TOPIC}/examinemessage?initialPosition=earliest&messagePosition=1");
    assert_eq!(pulsar_web(&server, None, "GET", &first, ""), (200, "value".to_owned()));
    server.stop().unwrap();
}

#[test]
fn pulsar_with_login_and_encryption() {
    let options = Options { tls: true, ..secret() };
    let server = Kind::Pulsar.start_with(&options).unwrap();
    let login = options.login.unwrap();
    let tenants = |token: Option<&str>| pulsar_web(&server, token, "GET", "admin/v2/tenants", "").0;
    assert_eq!(tenants(Some(&login.token("shop"))), 200);
    assert_eq!(tenants(Some(&login.token("somebody"))), 401);
    assert_eq!(tenants(Some(&Login::new("shop", "wrong").token("shop"))), 401);
    assert_eq!(tenants(None), 401);
    speaks_tls(&server);
}

#[test]
fn mariadb() {
    let mut server = Kind::MariaDb.start().unwrap();
    let host = host(&server);
    let sql = |text: &str| run("mariadb", &["--no-defaults", "-h", &host, "-u", "root", "-N", "-e", text, "tracardi"]);
    sql("CREATE TABLE line (id INT PRIMARY KEY, text TEXT); INSERT INTO line VALUES (1, 'välue')");
    server.kill();
    server.restart().unwrap();
    assert_eq!(sql("SELECT text FROM line"), "välue");
    server.stop().unwrap();
}

#[test]
fn mariadb_with_login_and_encryption() {
    let server = Kind::MariaDb.start_with(&Options { tls: true, ..secret() }).unwrap();
    let (host, authority) = (host(&server), authority(&server));
    let ca = format!("--ssl-ca={}", authority.path().display());
    let ask = ["--no-defaults", "-h", &host, "--ssl-verify-server-cert", "-N", "-e", "SELECT 1"];
    assert_eq!(run("mariadb", &[&ask[..], &["-u", "shop", "-psecret", &ca]].concat()), "1");
    assert!(fails("mariadb", &[&ask[..], &["-u", "shop", "-pwrong", &ca]].concat()));
    assert!(fails("mariadb", &[&ask[..], &["-u", "root", &ca]].concat()));
    assert!(fails(
        "mariadb",
        &["--no-defaults", "-h", &host, "--skip-ssl", "-u", "shop", "-psecret", "-e", "SELECT 1"]
    ));
}

fn search(server: &Server, method: &str, path: &str, body: &str) -> (u16, String) {
    let url = format!("http://{}/{path}", server.address());
    let request = ureq::http::Request::builder().method(method).uri(url).header("content-type", "application/json");
    answer(request.body(body).unwrap())
}

/// What a search server must be able to do, and what it has after a kill -9.
fn searches(kind: Kind, flat: &str) {
    let mut server = kind.start().unwrap();
    let mapping = format!(
        r#"{{"mappings":{{"dynamic":"strict","properties":{{"n":{{"type":"long"}},"traits":{{"type":"{flat}"}}}}}}}}"#
    );
    let ok = |(status, body): (u16, String)| {
        assert!((200..300).contains(&status), "{status} {body}");
        body
    };
    ok(search(&server, "PUT", "line", &mapping));
    ok(search(&server, "PUT", "line/_doc/1", r#"{"n":1,"traits":{"colour":{"of":"shoes"}}}"#));
    server.kill();
    server.restart().unwrap();
    let script = r#"{"script":{"lang":"painless","source":"ctx._source.n += params.by","params":{"by":41}}}"#;
    ok(search(&server, "POST", "line/_update/1?refresh=true", script));
    let found = ok(search(&server, "POST", "line/_search", r#"{"query":{"term":{"traits.colour.of":"shoes"}}}"#));
    assert!(found.contains(r#""n":42"#), "{found}");
    assert_eq!(search(&server, "PUT", "line/_doc/2", r#"{"unknown":1}"#).0, 400);
    server.stop().unwrap();
}

#[test]
fn opensearch() {
    searches(Kind::OpenSearch, "flat_object");
}

#[test]
#[ignore = "needs Java 21: `make servers ONLY=opensearch3`, then run it by name with --ignored"]
fn opensearch3() {
    searches(Kind::OpenSearch3, "flat_object");
}

#[test]
fn opensearch_with_login_and_encryption() {
    let mut server = Kind::OpenSearchSecured.start_with(&Options { tls: true, ..secret() }).unwrap();
    let authority = authority(&server);
    let ask = |login: &str| {
        let url = format!("https://{}/_plugins/_security/authinfo", server.address());
        let file = authority.path().to_str().unwrap();
        run("curl", &["-s", "--cacert", file, "-u", login, &url])
    };
    assert!(ask("shop:secret").contains("all_access"));
    assert_eq!(ask("shop:wrong"), "Unauthorized");
    server.stop().unwrap();
}

#[test]
fn opensearch_with_login_only() {
    let server = Kind::OpenSearchSecured.start().unwrap();
    assert_eq!(search(&server, "GET", "", "").0, 401);
    let url = format!("http://{}/", server.address());
    assert!(run("curl", &["-s", "-u", "admin:admin", &url]).contains("2.19.4"));
}

#[test]
fn elasticsearch() {
    searches(Kind::Elasticsearch, "flattened");
}

#[test]
#[ignore = "heavy: `make servers ONLY=elasticsearch8`, then run it by name with --ignored"]
fn elasticsearch8_with_login_and_encryption() {
    let mut server = Kind::Elasticsearch8.start_with(&Options { tls: true, ..secret() }).unwrap();
    let (authority, address) = (authority(&server), server.address());
    let ask = |login: &str, words: &[&str], path: &str| {
        let (file, url) = (authority.path().to_str().unwrap(), format!("https://{address}/{path}"));
        run("curl", &[&["-s", "-i", "--cacert", file, "-u", login][..], words, &[&url]].concat()).to_lowercase()
    };
    let json = ["-X", "PUT", "-H", "content-type: application/json", "-d", r#"{"n":42}"#];
    assert!(
        ask("shop:secret", &json, "line/_doc/1").contains("x-elastic-product: elasticsearch"),
        "its clients want to see this"
    );
    assert!(ask("shop:wrong1", &[], "").starts_with("http/1.1 401"));
    let greeting = ask("shop:secret", &[], "");
    for part in ["http/1.1 200", "x-elastic-product: elasticsearch", "8.19.21", "you know, for search"] {
        assert!(greeting.contains(part), "{greeting}");
    }
    server.kill();
    server.restart().unwrap();
    assert!(ask("shop:secret", &[], "line/_doc/1").contains(r#""n":42"#));
    server.stop().unwrap();
}
