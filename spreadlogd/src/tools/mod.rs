//! What is done with log files after they are written: `merge`, `diff`, `replay`.
//!
//! ```text
//! input     files, plain or gzip, as lines
//! record    a line and its place among all lines
//! sorter    any number of lines, sorted, in bounded memory
//! groups    sorted files side by side: which line is how often where
//! feed      lines into a publisher's ring, at a pace
//! merge, diff, replay   the tools; output and progress for them
//! ```

mod diff;
mod error;
mod feed;
mod groups;
mod input;
mod merge;
mod output;
mod progress;
mod record;
mod replay;
mod size;
mod sorted;
mod sorter;

pub(crate) use diff::DiffArgs;
pub(crate) use merge::MergeArgs;
pub(crate) use replay::ReplayArgs;

#[cfg(test)]
mod tests;
