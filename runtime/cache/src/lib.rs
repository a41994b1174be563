//! What the last commit left, for processes that only look: Redis.
