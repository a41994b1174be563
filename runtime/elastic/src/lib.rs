//! Documents on Elasticsearch and OpenSearch.
//!
//! | module | what for |
//! |---|---|
//! | [`Elastic`] | the handle: opened once, shared by everything in a process |
//! | `settings` | where the server is, how the indices are made |
//! | `client` | one request, one answer; what can go wrong ([`ElasticError`]) |
//! | `dialect` | what is different between Elasticsearch and OpenSearch, as data |
//! | `names` | indices, aliases, `_id`s |
//! | `schema` | templates and mappings, made at the start |
//! | `document` | what a document looks like in an index |
//! | `get` | reading by id |
//! | `bulk` | writing, with what became of each document |
//! | `commit` | a batch, exactly once in effect; **why nothing is lost or doubled** |
//! | `claims` | whose an id is when two profiles get it at one moment |
//! | `units`, `pending` | how a batch falls apart, and what follows from the write of one document |
//! | `load` | what a group of requests must know; finishes what others have left |
//! | `merge`, `delete`, `history`, `search` | merges as a saga, removal, trails, small searches |
//! | [`look`] | a look at a server that changes nothing |
//! | `maintain` | rollover and retention |
//! | `query` | pages, counts, histograms |
//!
//! # What a document looks like in an index
//!
//! All indices have one mapping (`schema`). A document is a typed **envelope** of ours and what we keep of it:
//!
//! ```json
//! {"context": "production", "id": "…", "key": "p:…", "inserted": 1780000000000000, "stored": 1780000000000001,
//!  "type": "page-view", "source": "…", "session": "…", "profile": "…", "valid": true,
//!  "bytes": 2310, "facts": ["type=@page-view", …], "document": {"id": "…", "type": "page-view", …}}
//! ```
//!
//! - `context`, `id`, `type`, `source`, `session`, `profile` are keywords to search for. An id of more than
//!   [`MAX_TERM`](names::MAX_TERM) bytes stands there as its hash ([`names::term`]); the true one is in the document.
//! - `key` is the `_id`: a keyword, so that it can be sorted by.
//! - `inserted` is a `long`: microseconds since 1970 of what lists are ordered by (`metadata.time.insert`; when a delayed one is
//!   due). A `date` would lose the microseconds, a `date_nanos` refuses years that clients can name.
//! - `stored` is a `long` that grows from one document to the next in the order of storing; 0 for sessions and profiles, which are
//!   replaced. A list is sorted by `inserted`, `stored`, `key`.
//! - `document` is our JSON, byte for byte, for events, sessions and profiles. It is not indexed: so nothing that a client names can
//!   disagree with a mapping, or with what a server takes for a name.
//! - `facts` is what is searched by content instead: a list of keywords that say which value stands where
//!   ([`tracardi_language::elastic`]).
//! - `text` is our JSON as a string that is not indexed: of everything else, and of a document that a server did not take as it is;
//!   then its only fact is that there are others. Who reads takes `text` if it is there, `document` otherwise (`document::text_of`).
//! - `bytes` is the length of our JSON: how many documents fit on a page is known before they are read.
//! - `survivor` is there when a profile is being merged into another one: searches leave it out.
//! - `waiting` is a number, when a profile awaits a merge.
//! - `pending` is not indexed.
//!
//! What belongs to a context and is no leftover is found by `schema::scope`.

mod bulk;
mod claims;
mod client;
mod commit;
mod delete;
mod dialect;
mod document;
mod documents;
mod elastic;
mod error;
mod get;
mod history;
mod load;
mod look;
mod maintain;
mod merge;
pub mod names;
mod pending;
mod query;
mod remove;
mod schema;
mod search;
mod settings;
#[cfg(test)]
mod tests;
mod units;

pub use dialect::{Dialect, Product};
pub use elastic::Elastic;
pub use error::ElasticError;
pub use look::look;
pub use maintain::Maintained;
pub use query::{MAX_ASKED, WINDOW};
pub use remove::remove;
pub use settings::ElasticSettings;
