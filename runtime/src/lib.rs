//! The services of a Tracardi installation in one binary.
