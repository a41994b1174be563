//! Tests against a real Kubernetes with the real images, and the helpers that make them read well.
