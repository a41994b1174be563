//! HTTP routers by noun: collection, login, event sources, profiles, sessions, events.
