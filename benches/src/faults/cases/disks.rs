//! A disk that is full, and has room again.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

use super::super::FaultError;
use super::super::disk::Disk;
use super::super::farm::Plan;
use super::super::run::Run;
use super::Case;

/// By the limit on the size of files, as a file system of one's own needs root: a write past it is
/// short, and the next one fails, just as on a full disk. Other files, being smaller, go on.
pub(super) const FULL: Case = Case {
    name: "disk-full",
    about: "a logging host's file can grow no more for 20 s, then it can again",
    plan: Plan::PLAIN,
    story: |run| {
        let file = run.farm.host_folder(1).join("access_log");
        let len = fs::metadata(file).map(|data| data.len());
        let len = len.map_err(FaultError::system("ask for the length of a file"))?;
        // Not at the end of a line.
        limit(run, Some(len + 777))?;
        run.say("logging host 1: disk full");
        run.serve(20)?;
        limit(run, getrlimit(Resource::Fsize).maximum)?;
        run.say("logging host 1: room again");
        run.serve(20)
    },
};

/// Nothing can be written any more, and not even that: what is acknowledged must be true all the
/// same, and what is not has to come again.
pub(super) const FULL_WITH_LEDGER: Case = Case {
    name: "disk-full-ledger",
    about: "a logging host's whole disk is full for 20 s, with its ledger on it (takes root)",
    plan: Plan {
        small_disk: true,
        ..Plan::PLAIN
    },
    story: |run| {
        for round in 1..=2 {
            run.farm.disk().map_or(Ok(()), Disk::fill)?;
            run.say(&format!("logging host 1: disk full, time {round}"));
            run.serve(20)?;
            if round == 2 {
                // What it knew then is what the disk has.
                run.farm.kill_host(1)?;
                run.farm.disk().map_or(Ok(()), Disk::free)?;
                run.farm.start_host(1)?;
                run.farm.await_joined(1)?;
            } else {
                run.farm.disk().map_or(Ok(()), Disk::free)?;
            }
            run.say("logging host 1: room again");
            run.serve(20)?;
        }
        Ok(())
    },
};

fn limit(run: &Run<'_>, bytes: Option<u64>) -> Result<(), FaultError> {
    let limit = Rlimit {
        current: bytes,
        maximum: getrlimit(Resource::Fsize).maximum,
    };
    let pid = run.farm.host_program(1).and_then(|program| program.pid());
    let set = prlimit(pid, Resource::Fsize, limit);
    set.map(drop).map_err(|error| FaultError::System {
        action: "limit the size of a logging host's files",
        source: error.into(),
    })
}
