//! The Kubernetes operator that reconciles a TracardiInstallation.
