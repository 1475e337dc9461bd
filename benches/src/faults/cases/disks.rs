//! A disk that is full, and has room again.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

use super::super::FaultError;
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
