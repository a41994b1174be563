//! A real Kubernetes from packages in a network namespace of its own.
