//! The program as people and Kubernetes start it: failures are one readable line and a non-zero code, repeating is harmless.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use support::{Server, scratch};
use tokio::process::Command;

async fn tracardi(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tracardi")).args(arguments).env_clear().output().await.unwrap()
}

/// What went wrong: one line, and the code.
fn failure(output: &Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let said: Vec<&str> = text.lines().filter(|line| line.starts_with("tracardi: ")).collect();
    assert_eq!(said.len(), 1, "{text}");
    (output.status.code().unwrap(), said[0].to_owned())
}

#[tokio::test]
async fn mistakes_are_one_line() {
    let folder = scratch();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let free = ["--public-listen", "127.0.0.1:0", "--private-listen", "127.0.0.1:0", "--gui-listen", "127.0.0.1:0"];
    let standalone = |extra: &[&'static str]| [&["standalone", "--data", data][..], &free, extra].concat();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap().to_owned();

    let table: Vec<(Vec<&str>, i32, &str)> = vec![
        (vec!["standalone"], 2, "--data <DIR>"),
        (vec!["standalone", "--date", "x"], 2, "--date"),
        (vec!["fly"], 2, "fly"),
        (standalone(&["--track-debug", "perhaps"]), 2, "perhaps"),
        (standalone(&["--log-format", "xml"]), 2, "use `text` or `json`"),
        (standalone(&["--log-level", "info,=x=y"]), 1, "try `info`"),
        (standalone(&["--admin-email", "nobody"]), 1, "is no e-mail address"),
        (standalone(&["--signing-key-file", "/nowhere/key"]), 1, "cannot read /nowhere/key"),
        (standalone(&["--public-url", "javascript:alert(1)"]), 1, "--public-url (TRACARDI_PUBLIC_URL)"),
        (standalone(&["--public-url", "https://a/?b"]), 1, "has a query or a fragment"),
        (standalone(&["--geoip", "/nowhere/city.mmdb"]), 1, "--geoip: cannot read /nowhere/city.mmdb"),
        (standalone(&["--geoip", "/proc/version"]), 1, "--geoip: /proc/version: no database of places: it is damaged"),
        (standalone(&["--management-listen", "nonsense"]), 1, "cannot listen on nonsense"),
        (standalone(&["--management-listen", "192.0.2.1:80"]), 1, "this machine has no such address"),
        (vec!["init", "--data", &file], 1, "cannot make the directory"),
        (vec!["init", "--data", "/proc/tracardi"], 1, "cannot make the directory /proc/tracardi"),
        (vec!["init", "--data", data, "--encryption-key-file", &file], 1, "64 hexadecimal digits"),
        (vec!["gui", "--api-url", "https://x"], 2, "http://host:port"),
        (vec!["probe", "--url", "http://127.0.0.1:1/"], 1, "no answer"),
    ];
    for (arguments, code, text) in table {
        let (seen, line) = failure(&tracardi(&arguments).await);
        assert!(seen == code && line.contains(text), "{arguments:?}: {seen} {line}");
    }
}

#[tokio::test]
async fn ports_and_directories_in_use_are_told() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let taken = server.url(0).replace("http://", "");
    let other = scratch();
    let other = other.path().to_str().unwrap();
    let (code, line) = failure(&tracardi(&["standalone", "--data", other, "--public-listen", &taken]).await);
    assert!(code == 1 && line.contains(&taken) && line.contains("in use"), "{code} {line}");
    let data = server.data();
    let data = data.to_str().unwrap();
    let (code, line) = failure(&tracardi(&["init", "--data", data]).await);
    assert!(code == 1 && line.contains("in use by another tracardi process"), "{code} {line}");
    let probe = tracardi(&["probe", "--url", &format!("{}/nowhere", server.url(0))]).await;
    assert_eq!((probe.status.code(), String::from_utf8_lossy(&probe.stdout).trim()), (Some(0), "HTTP 404"));
    server.stop().await;
}

#[tokio::test]
async fn health_and_metrics() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path())
        // Empty settings are none, and the original's spelling of switches is understood.
        .set("USE_X_FORWARDED_IP", "")
        .set("TRACARDI_PUBLIC_URL", "")
        .set("TRACK_DEBUG", "Yes");
    server.start().await;
    server.create_source().await;
    let body = support::payload("s", None, &[serde_json::json!({"type": "page-view"})]);
    let headers = [("content-type", "application/json")];
    let tracked = server.public().request("POST", "/track", &headers, &body).await.unwrap();
    assert_eq!(tracked.status, 200, "{}", tracked.detail());
    let mut management = server.client(3);
    for path in ["/livez", "/readyz", "/healthcheck"] {
        let answer = management.request("GET", path, &[], b"").await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok\n"[..]), "{path}");
    }
    let figures = management.request("GET", "/metrics", &[], b"").await.unwrap();
    let figures = String::from_utf8(figures.body).unwrap();
    for line in [
        r#"tracardi_http_requests_total{port="public",route="/track",status="200"} 1"#,
        r#"tracardi_http_requests_total{port="private",route="/event-source",status="200"} 1"#,
        r#"tracardi_http_request_seconds_count{port="public",route="/track"} 1"#,
        "tracardi_http_panics_total 0",
        "tracardi_live_listeners 0",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "tracardi_build_info{",
        "# EOF",
    ] {
        assert!(figures.lines().any(|found| found.starts_with(line)), "{line} in\n{figures}");
    }
    server.stop().await;
}

#[tokio::test]
async fn init_prepares_everything_once() {
    let folder = scratch();
    let data = folder.path().join("deep/data");
    let arguments = ["init", "--data", data.to_str().unwrap(), "--admin-email", "Ada@Example.com"];
    let first = tracardi(&arguments).await;
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let password = data.join("admin-password");
    assert!(
        String::from_utf8_lossy(&first.stderr).contains(password.to_str().unwrap()),
        "it says where the password is"
    );
    let files = ["admin-password", "keys/signing", "keys/encryption", "keys/installation-token"];
    let contents = || files.map(|file| std::fs::read_to_string(data.join(file)).unwrap());
    let before = contents();
    for file in files.into_iter().chain(["tracardi.db"]) {
        let mode = std::fs::metadata(data.join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
    let second = tracardi(&arguments).await;
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stderr));
    assert_eq!(before, contents(), "repeating it changes nothing");
    // Neither password nor keys are printed.
    for output in [&first, &second] {
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(before.iter().all(|secret| !said.contains(secret.trim())), "{said}");
    }
    // A key that is gone is not made anew, and a start that was killed leaves nothing behind.
    let (signing, away) = (data.join("keys/signing"), folder.path().join("away"));
    std::fs::rename(&signing, &away).unwrap();
    let (code, line) = failure(&tracardi(&arguments).await);
    assert!(code == 1 && line.contains("keys/signing is missing") && !signing.exists(), "{code} {line}");
    std::fs::rename(&away, &signing).unwrap();
    let draft = data.join("keys/.draft-0");
    std::fs::write(&draft, "half").unwrap();
    assert!(tracardi(&arguments).await.status.success());
    assert!(!draft.exists());
    // Another key does not fit the store.
    let key = folder.path().join("other-key");
    std::fs::write(&key, "0".repeat(64)).unwrap();
    let (code, line) = failure(
        &tracardi(&["init", "--data", data.to_str().unwrap(), "--signing-key-file", key.to_str().unwrap()]).await,
    );
    assert!(code == 1 && line.contains("signing key is not the one"), "{code} {line}");
}

#[tokio::test]
async fn an_address_of_all_is_no_address_for_browsers() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let port = server.url(0).rsplit_once(':').unwrap().1.to_owned();
    let own = server.url(0);
    let mut private = server.log_in().await;
    assert_eq!(private.get("/settings/public-url").await["public_url"], own.as_str());
    server.stop().await;
    let everywhere: &'static str = format!("0.0.0.0:{port}").leak();
    let mut server = server.set("TRACARDI_PUBLIC_LISTEN", everywhere);
    server.start().await;
    let told = server.log_in().await.get("/settings/public-url").await;
    assert_eq!(told, serde_json::json!({"public_url": null, "public_port": port.parse::<u16>().unwrap()}));
    server.stop().await;
    let mut server = server.set("TRACARDI_PUBLIC_URL", "https://collect.example.com/");
    server.start().await;
    let told = server.log_in().await.get("/settings/public-url").await;
    assert_eq!(told["public_url"], "https://collect.example.com");
    server.stop().await;
}
