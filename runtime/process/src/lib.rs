//! What every process of the house shares: supervised tasks, clock and entropy, logging, metrics, health.
