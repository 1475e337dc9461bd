//! The program as its users meet it: real files, real signals, a hub for a daemon.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod audit;
#[path = "../../../spread/tests/support/daemon.rs"]
mod daemon;
mod embedded;
#[path = "../../../spread/tests/support/held_port.rs"]
mod held_port;
mod hostile;
mod killed;
mod live_daemon;
mod logs;
mod numbered;
mod options;
mod originals;
mod outage;
mod pid_file;
mod readers;
mod realtime;
mod regressions;
mod reload;
mod rotation;
mod sinks;
mod status;
mod stopping;
mod streams;
mod support;
mod systemd;
mod tail;
mod tools;
mod unread;
mod writing;
