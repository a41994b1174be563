//! The conformance suite, on each product.

use tracardi_servers::Kind;
use tracardi_store::conformance;

use super::house::House;

async fn documents(kind: Kind) {
    conformance::documents::all(&House::new(kind).await).await;
}

async fn merges(kind: Kind) {
    conformance::merges::all(&House::new(kind).await).await;
}

async fn the_rest(kind: Kind) {
    conformance::delayed::all(&House::new(kind).await).await;
    conformance::quarantine::all(&House::new(kind).await).await;
    conformance::erasure::all(&House::new(kind).await).await;
    conformance::outbox::all(&House::new(kind).await).await;
    conformance::history::lasting(&House::new(kind).await.elastic).await;
}

macro_rules! on {
    ($name:ident, $kind:ident $(, $ignored:meta)?) => {
        mod $name {
            use super::Kind;

            #[tokio::test]
            $(#[$ignored])?
            async fn documents() {
                super::documents(Kind::$kind).await;
            }

            #[tokio::test]
            $(#[$ignored])?
            async fn merges() {
                super::merges(Kind::$kind).await;
            }

            #[tokio::test]
            $(#[$ignored])?
            async fn the_rest() {
                super::the_rest(Kind::$kind).await;
            }
        }
    };
}

on!(opensearch, OpenSearch);
on!(elasticsearch, Elasticsearch);
on!(
    elasticsearch8,
    Elasticsearch8,
    ignore = "heavy: `make servers ONLY=elasticsearch8`, then run it by name with --ignored"
);
on!(
    opensearch3,
    OpenSearch3,
    ignore = "needs Java 21: `make servers ONLY=opensearch3`, then run it by name with --ignored"
);
