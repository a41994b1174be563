//! One writer per profile: groups requests, runs the engine, commits durably, then acknowledges.
