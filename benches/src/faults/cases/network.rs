//! A network that is cut: nothing is closed, nothing comes.

use super::super::FaultError;
use super::super::farm::Plan;
use super::super::proxy::Proxy;
use super::super::run::Run;
use super::Case;

pub(super) const CUT: Case = Case {
    name: "network-cut",
    about: "a web server and a logging host are cut off for a minute, one after the other, then both",
    plan: Plan {
        wires: true,
        ..Plan::PLAIN
    },
    story: |run| {
        let (publisher, host) = (run.farm.publisher_wire(0), run.farm.host_wire(1));
        cut(run, "web server 0", &[publisher])?;
        cut(run, "logging host 1", &[host])?;
        cut(run, "both", &[publisher, host])
    },
};

fn cut(run: &Run<'_>, who: &str, wires: &[Option<&Proxy>]) -> Result<(), FaultError> {
    let wires = || wires.iter().copied().flatten();
    wires().for_each(Proxy::cut);
    run.say(&format!("{who} cut off"));
    run.serve(60)?;
    wires().for_each(Proxy::heal);
    run.say(&format!("{who} healed"));
    run.serve(15)
}
