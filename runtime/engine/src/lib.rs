//! What happens to an event, as a pure function: state and command in, state, records and answer out.
