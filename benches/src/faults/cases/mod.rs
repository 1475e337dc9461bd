//! The cases: what is broken, and what may be missing then.
//!
//! A case is a story: it begins with a farm under load, breaks something, mends it, and says what
//! it allows. What it does not allow must be in every file exactly once.

mod daemons;
mod disks;
mod hosts;
mod network;
mod peers;
mod publishers;

use super::FaultError;
use super::farm::Plan;
use super::run::Run;

/// A story with a name.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// For `--only`.
    pub name: &'static str,
    /// One line for whoever reads the list.
    pub about: &'static str,
    pub(super) plan: Plan,
    pub(super) story: Story,
}

/// Breaks something under load, and mends it.
type Story = fn(&mut Run<'_>) -> Result<(), FaultError>;

/// All there are.
pub const ALL: &[Case] = &[
    Case {
        name: "no-fault",
        about: "nothing happens: the files of both logging hosts are the same, byte for byte",
        plan: Plan::PLAIN,
        story: |run| {
            run.allowed.identical = true;
            run.serve(60)
        },
    },
    daemons::RESTARTED,
    daemons::FAILED_OVER,
    daemons::STOPPED,
    hosts::STOPPED,
    hosts::KILLED,
    hosts::JOINING,
    publishers::KILLED_WITH_SPOOL,
    publishers::KILLED,
    publishers::CLOSED,
    publishers::STORE_FULL,
    network::CUT,
    disks::FULL,
    disks::FULL_WITH_LEDGER,
    peers::STRANGERS,
    peers::LIARS,
    peers::TWO_BLOCKS,
];
