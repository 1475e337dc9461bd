//! How long a run takes: the same cases for an afternoon, a coffee, or a test.

use std::time::Duration;

/// How much of everything.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Scale {
    /// What the project promises: minutes for a case.
    Long,
    /// A fifth of it.
    Quick,
    /// A twentieth, with less load: what `cargo test` has time for.
    Short,
}

impl Scale {
    /// So many seconds of the long run.
    pub(super) const fn seconds(self, long: u32) -> Duration {
        let milliseconds = long as u64 * 1000;
        Duration::from_millis(match self {
            Self::Long => milliseconds,
            Self::Quick => milliseconds / 5,
            Self::Short => milliseconds / 20,
        })
    }

    /// So many times as in the long run, and once at least.
    pub(super) const fn times(self, long: u32) -> u32 {
        let times = match self {
            Self::Long => long,
            Self::Quick => long / 4,
            Self::Short => long / 16,
        };
        if times == 0 { 1 } else { times }
    }

    pub(super) const fn publishers(self) -> usize {
        match self {
            Self::Long | Self::Quick => 4,
            Self::Short => 2,
        }
    }

    /// Requests a second to each web server. Bounded, so that the machine is never what is tested.
    pub(super) const fn rate(self) -> u64 {
        match self {
            Self::Long | Self::Quick => 500,
            Self::Short => 200,
        }
    }

    /// How long after the load everything may take to be where it belongs. The slowest repair is
    /// asked for every 30 s, and a dead connection is noticed after 30 s.
    pub(super) const fn settling(self) -> Duration {
        match self {
            Self::Long => Duration::from_secs(120),
            Self::Quick | Self::Short => Duration::from_secs(75),
        }
    }
}
