//! Real servers for tests: brokers, caches, databases and search servers from Debian packages and Maven artefacts, started
//! on loopback in a folder of their own and ended with the test that started them.
//!
//! ```no_run
//! use tracardi_servers::{Kind, Login, Options};
//!
//! let mut redis = Kind::Redis.start()?;
//! println!("redis://{}", redis.address());
//! redis.kill(); // kill -9
//! redis.restart()?; // same address, same data
//!
//! let broker = Kind::Mosquitto.start_with(&Options { login: Some(Login::new("shop", "secret")), ..Options::default() })?;
//! # Ok::<(), tracardi_machine::Error>(())
//! ```
//!
//! Each server has a loopback address of its own (`address.rs`), so every one listens on the port that it is known for and
//! no two tests meet. It runs in a process group of its own that ends when the handle is dropped, and also when the test's
//! process dies (`group.rs`). [`Proxy`] stands between a client and a server and spoils the connection as a test
//! wants, [`HttpProxy`] requests and answers.
//!
//! [`beside`] has the servers of a larger installation for one in a Kubernetes cluster, whose pods reach no loopback address.
//!
//! `make servers` installs and tries them all; a test whose server is not installed fails and says so.

mod address;
pub mod beside;
mod group;
mod http;
mod http_proxy;
mod java;
mod kind;
mod kinds;
mod proxy;
mod recipe;
mod server;
mod tls;

pub use http_proxy::{HttpFault, HttpProxy};
pub use kind::{Kind, install};
pub use proxy::{Fault, Proxy};
pub use recipe::{Login, Options};
pub use server::Server;
