//! Web servers that die, stop, and run out of room.

use std::time::Duration;

use super::super::FaultError;
use super::super::farm::Plan;
use super::super::run::Run;
use super::Case;

/// Its rings die with it: what one drain (20 ms) had not taken out yet, and a drain may be late.
const RINGS: u64 = 60;

/// What may be unacknowledged: a message is sealed within 100 ms, written by the host within 20,
/// acknowledged within 250; on a busy machine twice that.
const UNACKNOWLEDGED: u64 = 1_000;

/// Killed and started again; what was answered in the last milliseconds before may be missing.
/// Without a spool nobody ever says how far such an instance was.
fn kill(run: &mut Run<'_>, forgiven: u64, has_spool: bool) -> Result<(), FaultError> {
    let times = run.scale.times(10);
    run.allowed.unknown_tails = Some(if has_spool { 0 } else { times.into() });
    for _ in 0..times {
        let wait = Duration::from_millis(run.random(1_000));
        run.serve_for(wait)?;
        run.farm.kill_publisher(0)?;
        let now = run.load.now();
        run.allowed
            .windows
            .push((0, now.saturating_sub(forgiven), now));
        run.is_away(0);
        run.farm.start_publisher(0)?;
        run.is_back(0);
        run.serve(5)?;
    }
    Ok(())
}

pub(super) const KILLED_WITH_SPOOL: Case = Case {
    name: "publisher-killed-spool",
    about: "a web server with a spool is killed and restarted: only what was in its rings is lost",
    plan: Plan {
        spool: true,
        ..Plan::PLAIN
    },
    story: |run| kill(run, RINGS, true),
};

pub(super) const KILLED: Case = Case {
    name: "publisher-killed",
    about: "the same without a spool: what was not acknowledged is lost, too",
    plan: Plan::PLAIN,
    story: |run| kill(run, UNACKNOWLEDGED, false),
};

/// Unread input would reset the connection, and what was written last would be lost.
pub(super) const CLOSED: Case = Case {
    name: "publisher-closed",
    about: "a web server is stopped (TERM) under load, while acknowledgements come: nothing is lost",
    plan: Plan::PLAIN,
    story: |run| {
        for _ in 0..run.scale.times(20) {
            let wait = Duration::from_millis(run.random(1_000));
            run.serve_for(wait)?;
            run.farm.stop_publisher(0)?;
            run.is_away(0);
            run.farm.start_publisher(0)?;
            run.is_back(0);
            run.serve(1)?;
        }
        Ok(())
    },
};

/// The oldest is pushed out, and counted.
pub(super) const STORE_FULL: Case = Case {
    name: "store-full",
    about: "no hub for longer than a tiny --spread-buffer has room for: lost and counted, to the line",
    plan: Plan {
        buffer: Some("128K"),
        ..Plan::PLAIN
    },
    story: |run| {
        run.farm.kill_hub(0)?;
        run.say("hub killed");
        run.allowed.counted = true;
        // At 500 lines of 90 bytes a second, 128 KiB are full in 3 s.
        run.serve_for(run.scale.seconds(30).max(Duration::from_secs(10)))?;
        run.farm.start_hub(0)?;
        run.serve(10)
    },
};
