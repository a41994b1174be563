//! Types and wire formats: payloads, events, sessions, profiles, ids and times. No I/O.
