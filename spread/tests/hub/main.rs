//! The hub from outside: what it binds, what sessions see of it, and real daemons' recordings.
#![cfg(feature = "hub")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the functions that tests share fail as tests do"
)]

mod bind;
mod recordings;
mod running;
mod sessions;
#[path = "../support/transcript.rs"]
mod transcript;
