//! spreadcat as a process: its sources, its bounds, its end.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

mod follow;
mod stdin;
mod support;
mod syslog;
