//! Where documents and configuration are kept: traits, the embedded SQLite backend, the conformance suite.
