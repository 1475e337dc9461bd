//! Daemons that die, and daemons that stand still.

use rustix::process::Signal;

use super::super::farm::Plan;
use super::Case;

/// What was in flight inside it dies with it.
pub(super) const RESTARTED: Case = Case {
    name: "hub-restarted",
    about: "the only hub is killed and started again, several times",
    plan: Plan::PLAIN,
    story: |run| {
        for _ in 0..run.scale.times(5) {
            run.farm.kill_hub(0)?;
            run.say("hub killed");
            run.serve(5)?;
            run.farm.start_hub(0)?;
            run.serve(15)?;
        }
        Ok(())
    },
};

/// All go to the second, and back when the first is there again; on the way some are here and some there.
pub(super) const FAILED_OVER: Case = Case {
    name: "hub-failover",
    about: "the first of two hubs is killed for a while; all go to the second and back",
    plan: Plan {
        hubs: 2,
        ..Plan::PLAIN
    },
    story: |run| {
        for _ in 0..run.scale.times(2) {
            run.farm.kill_hub(0)?;
            run.say("first hub killed");
            run.serve(30)?;
            run.farm.start_hub(0)?;
            run.say("first hub is back");
            run.serve(30)?;
        }
        Ok(())
    },
};

/// Its connections stay open, and nothing comes: no echo for 30 s is how a publisher knows.
pub(super) const STOPPED: Case = Case {
    name: "hub-stopped",
    about: "the first of two hubs stands still (SIGSTOP) for 60 s, and goes on",
    plan: Plan {
        hubs: 2,
        ..Plan::PLAIN
    },
    story: |run| {
        run.farm.signal_hub(0, Signal::STOP)?;
        run.say("first hub stopped");
        run.serve(60)?;
        run.farm.signal_hub(0, Signal::CONT)?;
        run.say("first hub goes on");
        run.serve(20)
    },
};
