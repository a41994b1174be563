//! What is different between Elasticsearch and OpenSearch, found out once and kept as data.

use std::fmt;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Body, Client};
use crate::error::ElasticError;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Elasticsearch 7.17 and newer.
    Elasticsearch,
    /// OpenSearch 2.7 and newer.
    OpenSearch,
}

/// How a server wants to be spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Whose it is.
    pub product: Product,
    /// Its version, as it says.
    pub version: String,
    /// How a point in time is had.
    pub point_in_time: PointInTime,
}

/// Requests for a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointInTime {
    /// `POST /<index>/<this>?keep_alive=1m` opens one.
    pub open: &'static str,
    /// The field of the answer that holds its id; as a field of the body of `DELETE /<close>` it closes it.
    pub id: &'static str,
    /// Where it is closed.
    pub close: &'static str,
    /// Whether that takes a list of ids.
    pub several: bool,
}

impl PointInTime {
    /// The body that closes one.
    pub(crate) fn closing(&self, id: &str) -> Value {
        if self.several { json!({ (self.id): [id] }) } else { json!({ (self.id): id }) }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.product, self.version)
    }
}

/// Characters of a version.
const LONGEST: usize = 32;

#[derive(Deserialize)]
struct Greeting {
    version: Version,
    #[serde(default)]
    tagline: String,
}

#[derive(Deserialize)]
struct Version {
    number: String,
    #[serde(default)]
    distribution: String,
}

impl Dialect {
    /// Asks the server who it is. What a stranger answers is not told: it may be meant for others.
    pub(crate) async fn of(client: &Client) -> Result<Self, ElasticError> {
        let url = || client.url().to_owned();
        let foreign = |reason: String| ElasticError::Foreign { url: url(), reason };
        let (status, body) = client.answer(Method::GET, "", Body::Nothing).await.map_err(|error| match error {
            // Which of its words the client stumbles over is a matter of chance: that is not told.
            ElasticError::Unreachable { connected: true, .. } => {
                foreign("it does not speak HTTP (does it want https://?)".to_owned())
            }
            ElasticError::Garbled(reason) => foreign(format!("its greeting cannot be read: {reason}")),
            error => error,
        })?;
        let silent = "it does not say why".to_owned();
        let greeting = match (status, serde_json::from_slice::<Greeting>(&body)) {
            (200, Ok(greeting)) => greeting,
            (401, _) => return Err(ElasticError::Credentials { url: url() }),
            (403, _) => return Err(ElasticError::Privilege { url: url(), reason: silent }),
            (429 | 502..=504, _) => return Err(ElasticError::Busy { url: url(), status, reason: silent }),
            (300..=399, _) => return Err(foreign(format!("it leads elsewhere (status {status})"))),
            _ => return Err(foreign(format!("it answered with status {status} and another greeting"))),
        };
        let Greeting { version: Version { number, distribution }, tagline } = greeting;
        Self::from_greeting(&number, &distribution, &tagline).map_err(|wrong| match wrong {
            Wrong::Foreign => foreign("its greeting is another product's".to_owned()),
            Wrong::TooOld { found, least } => ElasticError::TooOld { url: url(), found, least },
        })
    }

    fn from_greeting(number: &str, distribution: &str, tagline: &str) -> Result<Self, Wrong> {
        let mut parts = number.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
        let known = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        let (product, least, name, point_in_time) = if distribution == "opensearch" {
            let point = PointInTime {
                open: "_search/point_in_time",
                id: "pit_id",
                close: "_search/point_in_time",
                several: true,
            };
            (Product::OpenSearch, (2, 7), "OpenSearch 2.7", point)
        } else if tagline == "You Know, for Search" {
            let point = PointInTime { open: "_pit", id: "id", close: "_pit", several: false };
            (Product::Elasticsearch, (7, 17), "Elasticsearch 7.17", point)
        } else {
            return Err(Wrong::Foreign);
        };
        // A stranger may call anything a version.
        let version: String = number.chars().take_while(|letter| !letter.is_control()).take(LONGEST).collect();
        if known < least {
            return Err(Wrong::TooOld { found: format!("{product:?} {version}"), least: name });
        }
        Ok(Self { product, version, point_in_time })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Foreign,
    TooOld { found: String, least: &'static str },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_who_it_is() {
        let search = "You Know, for Search";
        let of = |number, distribution, tagline| {
            Dialect::from_greeting(number, distribution, tagline).map(|dialect| dialect.product)
        };
        assert_eq!(of("2.19.6", "opensearch", "The OpenSearch Project"), Ok(Product::OpenSearch));
        assert_eq!(of("7.17.29", "", search), Ok(Product::Elasticsearch));
        assert_eq!(of("9.0.0-beta1", "", search), Ok(Product::Elasticsearch));
        for (number, distribution, found) in [
            ("7.9.0", "", "Elasticsearch 7.9.0"),
            ("1.3.0", "opensearch", "OpenSearch 1.3.0"),
            ("x", "", "Elasticsearch x"),
        ] {
            let Err(Wrong::TooOld { found: told, .. }) = of(number, distribution, search) else { panic!("{number}") };
            assert_eq!(told, found);
        }
        assert_eq!(of("8.0.0", "", "another"), Err(Wrong::Foreign));
    }
}
