//! Removes a tenant: its indices and templates, whatever is in them.

use reqwest::Method;

use crate::ElasticSettings;
use crate::client::{Body, Client};
use crate::dialect::Dialect;
use crate::error::ElasticError;
use crate::names::{Kind, Names};
use crate::schema;

/// How many indices one request names: its line has an end.
const AT_ONCE: usize = 50;

/// Bytes of an answer: the names of a tenant's indices.
const LARGEST: usize = 4 << 20;

/// Removes all indices and templates of the tenant whose settings these are; how many indices there were. No process of the tenant
/// may run. Repeating it does no harm.
pub async fn remove(settings: &ElasticSettings) -> Result<usize, ElasticError> {
    let client = Client::new(&settings.endpoint, settings.timeout, LARGEST)?;
    Dialect::of(&client).await?;
    let names = Names::new(&settings.prefix, &settings.tenant)?;
    // The templates first: nothing that is written by mistake comes back as ours.
    for kind in Kind::ALL {
        let path = format!("_index_template/{}", names.alias(kind));
        let (status, body) = client.answer(Method::DELETE, &path, Body::Nothing).await?;
        if status != 404 && !(200..300).contains(&status) {
            return Err(client.refusal(status, &body));
        }
    }
    let found = schema::indices(&client, &names).await?;
    // By name: servers may refuse patterns.
    let indices: Vec<String> = found
        .iter()
        .flat_map(|(kind, generations)| generations.iter().map(|generation| names.index(*kind, *generation)))
        .collect();
    for some in indices.chunks(AT_ONCE) {
        let path = format!("{}?ignore_unavailable=true", some.join(","));
        client.send(Method::DELETE, &path, Body::Nothing).await?;
    }
    Ok(indices.len())
}
