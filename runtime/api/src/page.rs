//! Pages of documents as answers. Documents go to the client as the text they are stored as: a tree of it would take up to
//! seventy times as much memory. All answers under way together are bounded, too.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracardi_model::Context;
use tracardi_store::{Index, PAGE_BYTES, Page, Select};

use crate::app::App;
use crate::errors::Refusal;

/// Header of an answer after which more documents come: the `start` of the next page.
pub const NEXT_START: HeaderName = HeaderName::from_static("x-next-start");
/// How long a query waits for its share of the memory.
const PATIENCE: Duration = Duration::from_secs(10);
/// Documents from this length on are sent as they are, instead of being copied to their neighbours.
const LARGE: usize = 64 << 10;
/// Bytes of one permit.
const UNIT: usize = 1024;

/// Memory for the pages that are being read and sent.
#[derive(Clone, Debug)]
pub struct PageBudget(Arc<Semaphore>);

impl PageBudget {
    /// Room for `bytes` of documents at a time, for one full page at least.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / UNIT).max(units(PAGE_BYTES) as usize))))
    }

    /// The share of one page; 503 when there is none for a while.
    async fn take(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let waiting = self.0.clone().acquire_many_owned(units(PAGE_BYTES));
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(share)) => Ok(share),
            Ok(Err(_)) | Err(_) => Err(Refusal::Later {
                reason: "too many large answers are being sent; ask again in 2 s".to_owned(),
                retry_after_s: 2,
            }),
        }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT as u64)).unwrap_or(u32::MAX)
}

/// A page that was read, with its share of the memory.
#[derive(Debug)]
pub struct Held {
    /// The page.
    pub page: Page,
    start: u64,
    share: OwnedSemaphorePermit,
}

/// Reads a page of documents, when there is room for it.
pub async fn read(app: &App, context: Context, index: Index, select: &Select) -> Result<Held, Refusal> {
    hold(app, select.start, app.documents.select(context, index, select)).await
}

/// Reads a page that begins at `start`, when there is room for it.
pub async fn hold<E: Into<Refusal>>(
    app: &App,
    start: u64,
    page: impl Future<Output = Result<Page, E>>,
) -> Result<Held, Refusal> {
    let mut share = app.pages.take().await?;
    let page = page.await.map_err(Into::into)?;
    let used = units(page.result.iter().map(|document| document.get().len() as u64).sum());
    let unused = share.num_permits().saturating_sub(used as usize);
    drop(share.split(unused));
    Ok(Held { page, start, share })
}

impl Held {
    /// `{"total", "result": […]` and `end`, which closes the object. When more documents match, [`NEXT_START`] says where
    /// the next page starts: a page may hold fewer documents than were asked for (see [`PAGE_BYTES`]).
    #[must_use]
    pub fn answer(self, end: &'static str) -> Response {
        let Self { page: Page { total, result }, start, share } = self;
        let next = start.saturating_add(result.len() as u64);
        let more = !result.is_empty() && next < total;
        let mut pieces = Vec::new();
        let mut piece = format!(r#"{{"total":{total},"result":["#);
        for (at, document) in result.into_iter().enumerate() {
            if at > 0 {
                piece.push(',');
            }
            let document: Box<str> = document.into();
            if document.len() < LARGE {
                piece.push_str(&document);
            } else {
                pieces.push(Bytes::from(std::mem::take(&mut piece)));
                pieces.push(Bytes::from(String::from(document)));
            }
        }
        piece.push_str(end);
        pieces.push(Bytes::from(piece));
        let length = pieces.iter().map(Bytes::len).sum::<usize>();
        let sent = futures::stream::iter(pieces).map(move |piece| {
            let _until_sent = &share;
            Ok::<_, Infallible>(piece)
        });
        let json = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CONTENT_LENGTH, HeaderValue::from(length)),
        ];
        let mut response = (json, Body::from_stream(sent)).into_response();
        if more {
            let headers = response.headers_mut();
            headers.insert(NEXT_START, HeaderValue::from(next));
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-next-start"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn held(start: u64, total: u64, texts: &[String], budget: &PageBudget) -> Held {
        let result = texts.iter().map(|text| RawValue::from_string(text.clone()).unwrap()).collect();
        let share = budget.0.clone().try_acquire_many_owned(10).unwrap();
        Held { page: Page { total, result }, start, share }
    }

    #[tokio::test]
    async fn documents_are_sent_as_they_are_and_their_share_is_given_back_after() {
        let budget = PageBudget::new(0);
        let all = budget.0.available_permits();
        let texts = [r#"{"a":1}"#.to_owned(), format!("\"{}\"", "x".repeat(LARGE)), r#"{"b":[ 2 ]}"#.to_owned()];
        let response = held(5, 20, &texts, &budget).answer(r#"],"buckets":[]}"#);
        assert_eq!(response.headers()[NEXT_START], "8");
        let length: usize = response.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
        assert_eq!(budget.0.available_permits(), all - 10, "as long as it is being sent");
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        assert_eq!(body, format!(r#"{{"total":20,"result":[{}],"buckets":[]}}"#, texts.join(",")));
        assert_eq!((body.len(), budget.0.available_permits()), (length, all));
    }

    #[tokio::test]
    async fn the_last_page_says_nothing_of_a_next_one() {
        let budget = PageBudget::new(0);
        for (start, total, texts) in [(0, 0, vec![]), (3, 4, vec!["1".to_owned()]), (9, 4, vec![])] {
            let response = held(start, total, &texts, &budget).answer("]}");
            assert!(!response.headers().contains_key(NEXT_START));
        }
    }

    #[tokio::test]
    async fn a_query_waits_for_its_share() {
        let budget = PageBudget::new(0);
        let first = budget.take().await.unwrap();
        assert_eq!(budget.0.available_permits(), 0);
        let (second, ()) = tokio::join!(budget.take(), async { drop(first) });
        assert!(second.is_ok());
    }
}
