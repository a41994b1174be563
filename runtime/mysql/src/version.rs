//! Which server it is, and whether it is new enough: tables out of JSON came with these versions.

use tracardi_store::StoreError;

/// The oldest servers that are taken: major and minor version.
const MYSQL: (u32, u32) = (8, 0);
const MARIADB: (u32, u32) = (10, 6);

/// Refuses a server by what it says of its version, such as `10.11.6-MariaDB-0+deb12u1` or `8.0.36`.
pub(crate) fn check(url: &str, version: &str) -> Result<(), StoreError> {
    let (name, _) = product(version);
    let oldest = if name == "MariaDB" { MARIADB } else { MYSQL };
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version.contains("TiDB") {
        return Err(refused(url, version, "speaks MySQL's protocol but is another product"));
    }
    if found < oldest {
        return Err(refused(
            url,
            version,
            &format!("is too old: {name} {}.{} is the oldest that will do", oldest.0, oldest.1),
        ));
    }
    Ok(())
}

/// Whose product it is, and the version alone, by what the server says.
pub(crate) fn product(version: &str) -> (&'static str, &str) {
    let name = if version.contains("MariaDB") { "MariaDB" } else { "MySQL" };
    (name, version.split_once('-').map_or(version, |(number, _)| number))
}

fn refused(url: &str, version: &str, problem: &str) -> StoreError {
    StoreError::Unavailable(format!(
        "the server at {url} ({version}) {problem}; point mysql.url to MySQL {}.{} or MariaDB {}.{} or newer",
        MYSQL.0, MYSQL.1, MARIADB.0, MARIADB.1
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_tells_the_product() {
        assert_eq!(product("10.11.19-MariaDB-0+deb12u1"), ("MariaDB", "10.11.19"));
        assert_eq!(product("8.0.36"), ("MySQL", "8.0.36"));
    }

    #[test]
    fn old_and_foreign_servers_are_refused() {
        for version in
            ["8.0.36", "8.4.0-log", "9.1.0", "10.6.0-MariaDB", "10.11.19-MariaDB-0+deb12u1", "11.4.2-MariaDB-log"]
        {
            check("mysql://db", version).unwrap();
        }
        for version in ["5.7.44", "5.6.51-log", "10.5.23-MariaDB", "10.2.44-MariaDB-log", "", "nonsense"] {
            let error = check("mysql://db", version).unwrap_err().to_string();
            assert!(error.contains("too old") && error.contains("mysql.url") && error.contains(version), "{error}");
        }
        assert!(check("mysql://db", "8.0.11-TiDB-v7.5.0").unwrap_err().to_string().contains("another product"));
    }
}
