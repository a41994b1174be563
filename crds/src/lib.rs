//! The custom resources of the operator, and the contract between operator and runtime.

pub mod contract;
