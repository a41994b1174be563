//! One file for each kind of server: what it needs, how it is configured for tests, when it is ready.

pub(crate) mod elasticsearch8;
pub(crate) mod kafka;
pub(crate) mod mariadb;
pub(crate) mod mosquitto;
pub(crate) mod pulsar;
pub(crate) mod rabbitmq;
pub(crate) mod redis;
pub(crate) mod search;
