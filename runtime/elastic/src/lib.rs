//! Documents on Elasticsearch and OpenSearch.
