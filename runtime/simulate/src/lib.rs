//! An hour of a shop's traffic from a seed, and the client that sends it and remembers what was acknowledged.
