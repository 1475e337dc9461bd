//! The logging host: it joins Spread groups and writes the log lines of a whole web farm to files.

pub mod config;

pub use config::{Config, ConfigErrors};
