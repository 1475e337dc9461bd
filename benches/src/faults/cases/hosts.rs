//! Logging hosts that stand still, die, and come late.

use std::time::Duration;

use rustix::process::Signal;

use super::super::farm::Plan;
use super::Case;

/// A daemon may throw it out meanwhile; then it joins again and asks.
pub(super) const STOPPED: Case = Case {
    name: "host-stopped",
    about: "a logging host stands still (SIGSTOP) for 10 s",
    plan: Plan::PLAIN,
    story: |run| {
        run.farm.signal_host(1, Signal::STOP)?;
        run.say("logging host 1 stopped");
        run.serve(10)?;
        run.farm.signal_host(1, Signal::CONT)?;
        run.serve(10)
    },
};

/// In the middle of anything: a write, a journal entry, its own start, a rotation.
pub(super) const KILLED: Case = Case {
    name: "host-killed",
    about: "a logging host is killed (SIGKILL) at random moments, 50 times, with rotations between",
    plan: Plan::PLAIN,
    story: |run| {
        let times = run.scale.times(50);
        for time in 1..=times {
            let wait = Duration::from_millis(50 + run.random(1_500));
            run.serve_for(wait / 2)?;
            if run.random(2) == 0 {
                run.farm.rotate(1)?;
            }
            run.serve_for(wait / 2)?;
            run.farm.kill_host(1)?;
            run.farm.start_host(1)?;
            if time % 10 == 0 {
                run.say(&format!("killed {time} of {times} times"));
            }
        }
        run.farm.await_joined(1)
    },
};

/// What was before its time is not its to have; from when it has joined, everything is.
pub(super) const JOINING: Case = Case {
    name: "host-joining",
    about: "a third logging host joins the farm at work: it has everything from then on",
    plan: Plan::PLAIN,
    story: |run| {
        run.farm.add_host()?;
        run.allowed.late = Some((2, run.load.asked()));
        run.say("a third logging host has joined");
        run.serve(20)
    },
};
