//! The web application, built by npm and embedded.
