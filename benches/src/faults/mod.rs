//! Faults: the whole log path over real processes, broken in every way that we know of.
//!
//! ```text
//! clients -> rthttpd × 4 -> hub(s) -> spreadlogd × 2 -> files
//!    |                                                    |
//!    +--- what was answered whole ---> oracle <-----------+
//! ```
//!
//! The oracle is the clients. Every request has a target of its own, and every response that came
//! whole must be in the files of every logging host exactly once, those of all rotations together.
//! What a case allows to be missing must be counted by the programs, or lie in the moments that the
//! case names. Nothing here looks into the programs: what they are told is on their command
//! lines, and what they say is on their status pages and in their audits.
//!
//! - [`cases`]: what is broken, and what may be missing then;
//! - `farm`, `program`, `proxy`, `disk`: the processes, the wires between them, and what they write to;
//! - `load`: the clients; `oracle`: the comparison; `books`: what the programs say; `run`: one case from start to verdict;
//! - `peer`: other clients of the hub: strangers and liars;
//! - `table`: what is shown and kept.
//!
//! `cargo faults` runs the cases for as long as they need, `benches/tests/faults.rs` for seconds.

mod books;
pub mod cases;
mod disk;
mod error;
mod farm;
#[path = "../../../spread/tests/support/held_port.rs"]
mod held_port;
mod hub;
mod load;
mod oracle;
mod peer;
mod program;
mod proxy;
mod run;
mod scale;
mod table;

pub use error::FaultError;
pub use farm::Binaries;
pub use hub::run as run_hub;
pub use run::{Outcome, Verdict, run};
pub use scale::Scale;
pub use table::{json, table};
