//! The program as its users meet it: real files, real signals, a hub for a daemon.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod embedded;
mod hostile;
mod options;
mod outage;
mod rotation;
mod stopping;
mod support;
mod writing;
