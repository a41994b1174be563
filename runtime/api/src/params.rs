//! Parameters of path and query, refused in the same form as everything else.

use axum::extract::FromRequestParts;
use axum::extract::Query as AxumQuery;
use axum::extract::path::Path as AxumPath;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use tracardi_model::Loc;

use crate::app::App;
use crate::errors::Refusal;

/// A boolean parameter of the query in one of the usual spellings; false when it is absent, the last one counts.
pub fn flag(query: Option<&str>, name: &'static str) -> Result<bool, Refusal> {
    let mut found = false;
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if key == name {
            found = match value.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" | "t" | "y" => true,
                "false" | "0" | "no" | "off" | "f" | "n" => false,
                _ => {
                    let message = "Input should be a valid boolean, unable to interpret input";
                    return Err(Refusal::field("bool_parsing", vec!["query".into(), name.into()], message));
                }
            };
        }
    }
    Ok(found)
}

/// Parameters of the path; 422 when they are no text.
#[derive(Clone, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        match AxumPath::from_request_parts(parts, app).await {
            Ok(AxumPath(params)) => Ok(Self(params)),
            Err(rejection) => Err(Refusal::field("value_error", vec!["path".into()], rejection.body_text())),
        }
    }
}

/// Parameters of the query; 422 when one is not of its type.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refusal> {
        match AxumQuery::try_from_uri(&parts.uri) {
            Ok(AxumQuery(params)) => Ok(Self(params)),
            Err(rejection) => {
                let text = rejection.body_text();
                // The text ends in `: field: reason`.
                let mut steps = text.rsplitn(3, ": ");
                let (reason, field) = (steps.next().unwrap_or_default().to_owned(), steps.next());
                let loc = std::iter::once("query".into()).chain(field.map(|field| Loc::from(field.to_owned())));
                Err(Refusal::field("value_error", loc.collect(), reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_flag() {
        for (query, expected) in [
            (None, Some(false)),
            (Some(""), Some(false)),
            (Some("all=true"), Some(true)),
            (Some("a=b&all=0"), Some(false)),
            (Some("all=YES"), Some(true)),
            (Some("all"), None),
            (Some("all=maybe"), None),
        ] {
            assert_eq!(flag(query, "all").ok(), expected, "{query:?}");
        }
    }
}
