//! Configuration and outbox on MySQL and MariaDB.
