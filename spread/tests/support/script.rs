//! Scripts of what sessions do, chosen at random.
//!
//! A *seat* is one client's place in a script; its session comes and goes. Nobody reads but when
//! the script says so, which is how readers stall.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{select, subsequence};
use spread::Service;

/// The seats of a script.
pub(crate) const SEATS: usize = 4;
/// The groups of a script; the witness is in the first two, the others come and go.
const GROUPS: usize = 4;

/// What one seat does.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) seat: usize,
    pub(crate) act: Act,
}

/// What can be done.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Connects, if the seat has no session, with the seat's name or one the daemon invents.
    Connect { membership: bool, named: bool },
    /// Asks for the name of another seat.
    Impersonate(usize),
    /// Several requests in one write.
    Requests(Vec<Ask>),
    /// Fills a group while nobody but the witness reads.
    Flood(usize),
    /// Reads everything that was delivered.
    CatchUp,
    /// Reads everything that was delivered, and ends the session as the protocol has it.
    Disconnect,
    /// Closes the connection, whatever waits in it.
    Drop,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Join(usize),
    Leave(usize),
    Send {
        service: Service,
        self_discard: bool,
        to: Vec<Target>,
        mess_type: i16,
        body_len: usize,
    },
}

/// Where a message goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Group(usize),
    Seat(usize),
    Nobody,
}

/// Scripts of up to 40 steps.
pub(crate) fn scripts() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..SEATS, acts()).prop_map(|(seat, act)| Step { seat, act });
    vec(step, 1..40)
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (any::<bool>(), prop_oneof![4 => Just(true), 1 => Just(false)])
            .prop_map(|(membership, named)| Act::Connect { membership, named }),
        1 => (0..SEATS).prop_map(Act::Impersonate),
        20 => vec(asks(), 1..8).prop_map(in_order).prop_map(Act::Requests),
        1 => (0..GROUPS).prop_map(Act::Flood),
        3 => Just(Act::CatchUp),
        2 => Just(Act::Disconnect),
        2 => Just(Act::Drop),
    ]
}

/// Spread promises no order between safe messages and those that are reliable at most: a daemon
/// delivers the latter when they are sent, and a safe one that went with the same round of its token
/// one round later (`protocol.c: Deliver_reliable_packets`). Whether they go together is a matter
/// of speed; so none comes behind a safe one in the same write.
fn in_order(mut asks: Vec<Ask>) -> Vec<Ask> {
    let mut is_behind = false;
    for ask in &mut asks {
        if let Ask::Send { service, .. } = ask {
            match service {
                Service::Safe => is_behind = true,
                Service::Unreliable | Service::Reliable if is_behind => *service = Service::Fifo,
                _ => {}
            }
        }
    }
    asks
}

fn asks() -> impl Strategy<Value = Ask> {
    let services = [
        Service::Unreliable,
        Service::Reliable,
        Service::Fifo,
        Service::Causal,
        Service::Agreed,
        Service::Safe,
    ];
    let targets = || {
        let groups = (0..GROUPS).map(Target::Group);
        let seats = (0..SEATS).map(Target::Seat);
        let all: Vec<_> = groups.chain(seats).chain([Target::Nobody]).collect();
        prop_oneof![
            3 => (0..GROUPS).prop_map(|group| vec![Target::Group(group)]),
            2 => subsequence(all, 1..6),
        ]
    };
    let body_lens = prop_oneof![4 => 0..200_usize, 1 => 1_000..5_000_usize];
    let send = (
        select(services.to_vec()),
        prop_oneof![4 => Just(false), 1 => Just(true)],
        targets(),
        any::<i16>(),
        body_lens,
    );
    prop_oneof![
        3 => (0..GROUPS).prop_map(Ask::Join),
        2 => (0..GROUPS).prop_map(Ask::Leave),
        5 => send.prop_map(|(service, self_discard, to, mess_type, body_len)| Ask::Send {
            service, self_discard, to, mess_type, body_len,
        }),
    ]
}
