//! The server's errors in our words: what it is, which setting it concerns, what to do.

use tracardi_store::StoreError;

use crate::MysqlSettings;

/// Numbers of errors; the same in MySQL and MariaDB.
mod number {
    pub(super) const DISK_FULL: u16 = 1021;
    pub(super) const TOO_MANY_CONNECTIONS: u16 = 1040;
    pub(super) const NOT_THIS_DATABASE: u16 = 1044;
    pub(super) const ACCESS_DENIED: u16 = 1045;
    pub(super) const NO_SUCH_DATABASE: u16 = 1049;
    pub(super) const NO_SUCH_COLUMN: u16 = 1054;
    pub(super) const EXISTS_ALREADY: u16 = 1062;
    pub(super) const TABLE_FULL: u16 = 1114;
    pub(super) const NOT_THIS_TABLE: u16 = 1142;
    pub(super) const NOT_THIS_COLUMN: u16 = 1143;
    pub(super) const NO_SUCH_TABLE: u16 = 1146;
    pub(super) const PACKET_TOO_LARGE: u16 = 1153;
    pub(super) const TOO_MANY_OF_THIS_USER: u16 = 1203;
    pub(super) const LOCK_WAITED_TOO_LONG: u16 = 1205;
    pub(super) const DEADLOCK: u16 = 1213;
    pub(super) const PRIVILEGE_NEEDED: u16 = 1227;
    pub(super) const READ_ONLY: u16 = 1290;
    pub(super) const TOO_LONG: u16 = 1406;
    pub(super) const READ_ONLY_MODE: u16 = 1836;
    pub(super) const ENCRYPTION_NEEDED: u16 = 3159;
}

/// The error's number, if it is one of the server's.
fn number_of(error: &sqlx::Error) -> Option<u16> {
    let error = error.as_database_error()?;
    error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(sqlx::mysql::MySqlDatabaseError::number)
}

/// Whether a table is not there.
pub(crate) fn is_absent(error: &sqlx::Error) -> bool {
    number_of(error) == Some(number::NO_SUCH_TABLE)
}

/// Whether a row of the same value is there already under this unique key.
pub(crate) fn exists_already(error: &sqlx::Error, key: &str) -> bool {
    let names = || error.as_database_error().is_some_and(|error| error.message().contains(key));
    number_of(error) == Some(number::EXISTS_ALREADY) && names()
}

/// Whether somebody else was in the way: the transaction has been undone and may be tried again at once.
pub(crate) fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(number_of(error), Some(number::DEADLOCK | number::LOCK_WAITED_TOO_LONG))
        || exists_already(error, "PRIMARY")
}

/// Whether the connection is as good as before: the server refused a statement, no more.
pub(crate) fn leaves_whole(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some()
}

/// The error in our words.
pub(crate) fn failed(settings: &MysqlSettings, error: &sqlx::Error) -> StoreError {
    let MysqlSettings { endpoint, database, connections, .. } = settings;
    let user = endpoint.username.as_deref().unwrap_or("root");
    let said = || error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    let problem = match number_of(error) {
        Some(number::DISK_FULL | number::TABLE_FULL) => {
            return StoreError::Full(format!("MySQL at {} says: {}", endpoint.url, said()));
        }
        Some(number::TOO_LONG) => {
            return StoreError::Corrupt { what: "text to be stored".to_owned(), reason: said() };
        }
        Some(number::ENCRYPTION_NEEDED) => ENCRYPT.to_owned(),
        Some(number::ACCESS_DENIED) => {
            // MariaDB says the same to whoever comes without encryption where it is needed.
            let encrypt = if settings.is_encrypted() { String::new() } else { format!("; or it {ENCRYPT}") };
            format!(
                "does not let {user:?} in; correct mysql.username and mysql.password, or allow this user to come from this host{encrypt}"
            )
        }
        Some(number::NO_SUCH_DATABASE) => {
            format!("has no database {database:?}; create it (CREATE DATABASE {database}), or correct mysql.database")
        }
        Some(number::NOT_THIS_DATABASE) => format!(
            "does not let {user:?} into the database {database:?}; correct mysql.database, or GRANT ALL ON {database}.* TO this user"
        ),
        Some(number::NO_SUCH_COLUMN) => return foreign(settings, &said()),
        Some(number::NOT_THIS_TABLE | number::NOT_THIS_COLUMN | number::PRIVILEGE_NEEDED) => format!(
            "lacks a privilege for {user:?} of mysql.username: {}; GRANT ALL ON {database}.* TO this user",
            said()
        ),
        Some(number::TOO_MANY_CONNECTIONS | number::TOO_MANY_OF_THIS_USER) => format!(
            "takes no more connections; raise its max_connections, or lower mysql.connections ({connections} in each process)"
        ),
        Some(number::PACKET_TOO_LARGE) => {
            "does not take a text of this length; raise its max_allowed_packet".to_owned()
        }
        Some(number::READ_ONLY | number::READ_ONLY_MODE) => {
            format!("does not write: {}; point mysql.url to the server that does", said())
        }
        Some(number::DEADLOCK | number::LOCK_WAITED_TOO_LONG) => {
            "is busy with the same rows for others; try again".to_owned()
        }
        _ => without_number(error),
    };
    StoreError::Unavailable(format!("MySQL at {} {problem}", endpoint.url))
}

const ENCRYPT: &str =
    "takes encrypted connections only: write mysqls:// in mysql.url and give its authority in mysql.authority";

/// An error that comes from the way to the server.
fn without_number(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Tls(reason) => tls(&reason.to_string()),
        // rustls speaks through the error of the socket.
        sqlx::Error::Io(reason) if reason.to_string().contains("certificate") => tls(&reason.to_string()),
        sqlx::Error::Io(reason) => format!("cannot be reached: {reason}; correct mysql.url, or start the server"),
        sqlx::Error::Encode(reason) => format!("was asked nothing: {reason}; raise its max_allowed_packet"),
        sqlx::Error::PoolTimedOut => {
            "gives no connection in time; it hangs, or all of mysql.connections are in use".to_owned()
        }
        sqlx::Error::Protocol(reason) => format!(
            "does not speak MySQL's protocol ({}); correct mysql.url",
            reason.lines().next().unwrap_or_default()
        ),
        error => format!("failed: {error}"),
    }
}

fn tls(reason: &str) -> String {
    // What follows is different each time that one looks.
    let reason = reason.split(": verification time").next().unwrap_or_default();
    let (what, remedy) = if reason.contains("does not support TLS") {
        return "offers no encryption; switch it on there, or write mysql:// in mysql.url and give no mysql.authority"
            .to_owned();
    } else if reason.contains("xpired") || reason.contains("not valid after") {
        ("that has expired", "renew it on the server")
    } else if reason.contains("not valid for name") {
        ("for another name", "write the name that it has in mysql.url, or have this one in it")
    } else {
        ("that is not believed", "give its authority (PEM) in mysql.authority")
    };
    format!("has a certificate {what} ({reason}); {remedy}")
}

/// The answer when the tables are another program's; `sign` is what they are recognised by.
pub(crate) fn foreign(settings: &MysqlSettings, sign: &str) -> StoreError {
    let MysqlSettings { endpoint, database, .. } = settings;
    StoreError::Unavailable(format!(
        "the database {database:?} of MySQL at {} holds the tables of another program ({sign}); correct mysql.database, or give an empty one",
        endpoint.url
    ))
}

/// The answer when there was none.
pub(crate) fn silent(settings: &MysqlSettings, seconds: u64) -> StoreError {
    let url = &settings.endpoint.url;
    StoreError::Unavailable(format!(
        "MySQL at {url} does not answer within {seconds} s; it hangs, or something else listens there: look at mysql.url"
    ))
}

#[cfg(test)]
mod tests {
    use super::tls;

    #[test]
    fn what_is_wrong_with_a_certificate_has_its_own_remedy() {
        for (reason, remedy) in [
            ("invalid peer certificate: certificate expired: verification time 5 (UNIX)", "renew it"),
            (
                "invalid peer certificate: certificate not valid for name \"a\"; certificate is only valid for \"b\"",
                "mysql.url",
            ),
            ("invalid peer certificate: UnknownIssuer", "mysql.authority"),
            ("server does not support TLS", "mysql://"),
        ] {
            assert!(tls(reason).contains(remedy), "{reason}: {}", tls(reason));
            assert!(!tls(reason).contains("verification time"), "it says the same as long as the same is wrong");
        }
    }
}
