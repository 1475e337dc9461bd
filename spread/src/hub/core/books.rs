//! What a hub says about itself: how it is, and what it has counted.

/// How a hub is, at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HubBooks {
    /// Sessions that are open.
    pub sessions: usize,
    /// Groups with members.
    pub groups: usize,
    /// Members of all groups, one for each group that a session is in.
    pub memberships: usize,
    /// Memory of what waits to be delivered or is half received.
    pub waiting_bytes: usize,
    /// What was counted from the start on.
    pub tally: Tally,
}

/// What a hub counts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Sessions opened.
    pub sessions: u64,
    /// Those that the hub has ended because a limit was passed.
    pub sessions_ended: u64,
    /// Messages received from sessions.
    pub messages: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Messages delivered, one for each session that gets it.
    pub deliveries: u64,
}
