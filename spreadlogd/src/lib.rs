//! The logging host.
