//! MySQL and MariaDB as they should not be.

use std::path::Path;
use std::sync::LazyLock;

use futures::future::BoxFuture;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, raw_sql};
use tracardi_servers::{Kind, Login, Options, Server};

use crate::authority::Authority;
use crate::row::{COLLECTOR, Ground, INSTALL, OUTBOUND, PRIVATE_API, PUBLIC_API, Row, SECRET, STORAGE, write};
use crate::way::{Guise, Way};
use crate::{DATABASE, REDIS, start};

const URL: &str = "TRACARDI_MYSQL_URL";
const BASE: &str = "TRACARDI_MYSQL_DATABASE";
const USERNAME: &str = "TRACARDI_MYSQL_USERNAME";
const PASSWORD_FILE: &str = "TRACARDI_MYSQL_PASSWORD_FILE";
const CA_FILE: &str = "TRACARDI_MYSQL_CA_FILE";

/// One that takes encrypted connections only.
static ENCRYPTED: LazyLock<Server> = LazyLock::new(|| {
    start(Kind::MariaDb, &Options { tls: true, login: Some(Login::new("boss", "boss")), ..Options::default() })
});

/// Tells a server something as its administrator.
async fn tell(server: &Server, statements: &str) {
    let address = server.address();
    let options = MySqlConnectOptions::new().host(&address.ip().to_string()).port(address.port());
    let options = match &server.options().login {
        Some(login) => options.username(&login.name).password(&login.password).ssl_mode(MySqlSslMode::Required),
        None => options.username("root").ssl_mode(MySqlSslMode::Disabled),
    };
    let mut connection = options.connect().await.unwrap();
    raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
}

fn tells(server: &'static Server, statements: &str) -> BoxFuture<'static, ()> {
    let statements = statements.to_owned();
    Box::pin(async move { tell(server, &statements).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in() {
    let ground = Ground::new();
    let wrong = ground.file("wrong", &format!("{SECRET}-1"));
    let right = ground.file("right", "right");
    tell(
        &DATABASE,
        "CREATE DATABASE half; CREATE DATABASE orders; CREATE TABLE orders.item (id INT PRIMARY KEY); \
         CREATE DATABASE odd; CREATE TABLE odd.schema_version (name INT PRIMARY KEY); \
         CREATE USER known@'%' IDENTIFIED BY 'right'; GRANT ALL ON tracardi.* TO known@'%'; \
         CREATE USER poor@'%' IDENTIFIED BY 'right'; GRANT SELECT ON half.* TO poor@'%'; \
         CREATE USER alone@'%' IDENTIFIED BY 'right'",
    )
    .await;
    let as_user = |name: &str, password: &str| vec![(USERNAME, name.to_owned()), (PASSWORD_FILE, password.to_owned())];
    let refused: &[&str] =
        &["TRACARDI_MYSQL_USERNAME, TRACARDI_MYSQL_PASSWORD_FILE, ", "correct mysql.username and mysql.password"];
    let rows = vec![
        Row {
            wrong: "database: the password is wrong",
            service: COLLECTOR,
            settings: as_user("known", &wrong),
            says: refused,
            mend: Some(write(&wrong, "right")),
        },
        Row {
            wrong: "database: there is no such user",
            service: PRIVATE_API,
            settings: as_user("newcomer", &right),
            says: refused,
            mend: Some(tells(
                &DATABASE,
                "CREATE USER newcomer@'%' IDENTIFIED BY 'right'; GRANT ALL ON tracardi.* TO newcomer@'%'",
            )),
        },
        Row {
            wrong: "database: the user may read only",
            service: INSTALL,
            settings: [as_user("poor", &right), vec![(BASE, "half".to_owned())]].concat(),
            says: &["TRACARDI_MYSQL_USERNAME: ", "lacks a privilege", "GRANT ALL ON half.* TO this user"],
            mend: Some(tells(&DATABASE, "GRANT ALL ON half.* TO poor@'%'")),
        },
        Row {
            wrong: "database: the user may not enter the database",
            service: OUTBOUND,
            settings: as_user("alone", &right),
            says: &["TRACARDI_MYSQL_DATABASE: ", "GRANT ALL ON tracardi.* TO this user"],
            mend: Some(tells(&DATABASE, "GRANT ALL ON tracardi.* TO alone@'%'")),
        },
        Row {
            wrong: "database: there is no such database",
            service: STORAGE,
            settings: vec![(BASE, "nowhere".to_owned())],
            says: &["TRACARDI_MYSQL_DATABASE: ", "create it (CREATE DATABASE nowhere), or correct mysql.database"],
            mend: Some(tells(&DATABASE, "CREATE DATABASE nowhere")),
        },
        Row {
            wrong: "database: it is another program's",
            service: INSTALL,
            settings: vec![(BASE, "orders".to_owned())],
            says: &["TRACARDI_MYSQL_DATABASE: ", "holds the tables of another program", "correct mysql.database"],
            mend: Some(tells(&DATABASE, "DROP TABLE orders.item")),
        },
        Row {
            wrong: "database: another program's tables have our names",
            service: PUBLIC_API,
            settings: vec![(BASE, "odd".to_owned())],
            says: &["TRACARDI_MYSQL_DATABASE: ", "holds the tables of another program", "correct mysql.database"],
            mend: Some(tells(&DATABASE, "DROP TABLE odd.schema_version")),
        },
    ];
    ground.play(rows).await;
}

/// Writes another certificate for the server, and lets it read that.
async fn certify(server: &Server, (certificate, key): (String, String)) {
    let home = server.log().parent().map(Path::to_owned).unwrap();
    std::fs::write(home.join("server.pem"), certificate).unwrap();
    std::fs::write(home.join("server.key"), key).unwrap();
    tell(server, "FLUSH SSL").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_we_do_not_believe() {
    let ground = Ground::new();
    let server: &'static Server = &ENCRYPTED;
    let (ours, other, host) = (Authority::new(), Authority::new(), server.address().ip());
    tell(server, "CREATE USER app@'%' IDENTIFIED BY 'right'; GRANT ALL ON tracardi.* TO app@'%'").await;
    certify(server, ours.expired(host).pem()).await;
    let (stranger, believed) = (ground.file("other.pem", &other.pem()), ground.file("ours.pem", &ours.pem()));
    let who = [(USERNAME, "app".to_owned()), (PASSWORD_FILE, ground.file("right", "right"))];
    let at = |url: String, authority: Option<&str>| {
        let authority = authority.map(|file| (CA_FILE, file.to_owned()));
        [(URL, url)].into_iter().chain(authority).chain(who.clone()).collect()
    };
    let mysqls = || format!("mysqls://{}", server.address());
    let plain = Way::to(Guise::Server(DATABASE.address()));
    let (valid, of_name) = (ours.certify(host).pem(), ours.elsewhere().pem());
    let rows = vec![
        Row {
            wrong: "database: its certificate has expired",
            service: PUBLIC_API,
            settings: at(mysqls(), Some(&believed)),
            says: &["TRACARDI_MYSQL_URL: ", "has a certificate that has expired", "renew it on the server"],
            mend: Some(Box::pin(certify(server, valid.clone()))),
        },
        Row {
            wrong: "database: its authority is another one",
            service: STORAGE,
            settings: at(mysqls(), Some(&stranger)),
            says: &["TRACARDI_MYSQL_CA_FILE: ", "that is not believed", "give its authority (PEM) in mysql.authority"],
            mend: Some(write(&stranger, &ours.pem())),
        },
        Row {
            wrong: "database: it speaks TLS only",
            service: COLLECTOR,
            settings: at(format!("mysql://{}", server.address()), None),
            says: &["TRACARDI_MYSQL_URL, ", "write mysqls:// in mysql.url"],
            mend: Some(tells(server, "SET GLOBAL require_secure_transport = OFF")),
        },
        Row {
            wrong: "database: it offers no TLS",
            service: PRIVATE_API,
            settings: at(format!("mysqls://localhost:{}", plain.address().port()), Some(&believed)),
            says: &["TRACARDI_MYSQL_URL, ", "offers no encryption; switch it on there, or write mysql://"],
            mend: None,
        },
        Row {
            wrong: "database: it does not write",
            service: INSTALL,
            settings: at(mysqls(), Some(&believed)).into_iter().chain([(BASE, "closed".to_owned())]).collect(),
            says: &["TRACARDI_MYSQL_URL: ", "does not write", "point mysql.url to the server that does"],
            mend: Some(tells(server, "SET GLOBAL read_only = 0")),
        },
    ];
    tell(server, "CREATE DATABASE closed; GRANT ALL ON closed.* TO app@'%'").await;
    for row in rows {
        if row.wrong.ends_with("does not write") {
            tell(server, "SET GLOBAL read_only = 1").await;
        }
        ground.play(vec![row]).await;
    }
    certify(server, of_name).await;
    let row = Row {
        wrong: "database: its certificate is for another name",
        service: OUTBOUND,
        settings: at(mysqls(), Some(&believed)),
        says: &["TRACARDI_MYSQL_URL: ", "for another name", "write the name that it has in mysql.url"],
        mend: Some(Box::pin(certify(server, valid))),
    };
    ground.play(vec![row]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_or_nobody() {
    let ground = Ground::new();
    let server = Guise::Server(DATABASE.address());
    let mysql = |way: &Way| vec![(URL, format!("mysql://{}", way.address()))];
    let old = Way::to(Guise::Altered(DATABASE.address(), "10.11.", "10.05."));
    let redis = Way::to(Guise::Server(REDIS.address()));
    let nobody = Way::to(Guise::Nobody);
    let rows = vec![
        Row {
            wrong: "database: it is too old",
            service: COLLECTOR,
            settings: mysql(&old),
            says: &["TRACARDI_MYSQL_URL: ", "is too old", "point mysql.url to MySQL 8.0 or MariaDB 10.6 or newer"],
            mend: Some(old.becomes(server.clone())),
        },
        Row {
            wrong: "database: it is Redis",
            service: INSTALL,
            settings: mysql(&redis),
            says: &["TRACARDI_MYSQL_URL: ", "something else listens there: look at mysql.url"],
            mend: Some(redis.becomes(server.clone())),
        },
        Row {
            wrong: "database: nobody listens",
            service: PUBLIC_API,
            settings: mysql(&nobody),
            says: &["TRACARDI_MYSQL_URL: ", "cannot be reached", "correct mysql.url, or start the server"],
            mend: Some(nobody.becomes(server)),
        },
        Row {
            wrong: "database: there is no such name",
            service: OUTBOUND,
            settings: vec![(URL, "mysql://database.invalid".to_owned())],
            says: &["TRACARDI_MYSQL_URL: ", "cannot be reached", "correct mysql.url, or start the server"],
            mend: None,
        },
    ];
    ground.play(rows).await;
}
