//! One farm: started, loaded, held against its books, ended.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use benches::cpu::CpuTimes;
use benches::interrupt;
use benches::program::{Program, free_port};
use rustix::time::{ClockId, clock_gettime};

use crate::hosts::{Followed, Follower, Host, are_same};
use crate::load::Share;
use crate::moments::Moments;
use crate::plan::{Args, Plan};
use crate::publishers::Publishers;
use crate::report::{Part, Sample};
use crate::servers::Servers;
use crate::{RunError, WRITE_MAX};

/// What all farms of a run share.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) programs: PathBuf,
    /// Deleted at the end.
    pub(crate) scratch: PathBuf,
    pub(crate) spread: Spread,
}

/// What carries the lines.
#[derive(Debug)]
pub(crate) struct Spread {
    hub: Option<Program>,
    /// Processes of daemons that ran before.
    daemons: Vec<u32>,
    /// Where publishers and logging hosts find what they send to.
    pub(crate) addresses: Vec<String>,
}

/// A farm at work.
struct Farm {
    publishers: Publishers,
    servers: Servers,
    hosts: Vec<Host>,
}

/// CPU time of each part, until now.
struct Cpu {
    spread: Option<CpuTimes>,
    servers: CpuTimes,
    hosts: Vec<CpuTimes>,
}

impl Spread {
    /// The daemons that are named, or else a hub.
    pub(crate) fn start(args: &Args, scratch: &Path) -> Result<Self, RunError> {
        let mut spread = Self {
            hub: None,
            daemons: args.daemons.clone(),
            addresses: args.spread.clone(),
        };
        if spread.addresses.is_empty() {
            let port = free_port()?;
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("--hub").arg(port.to_string());
            let mut hub = Program::start("hub", command, None, scratch)?;
            hub.wait_until_ready(([127, 0, 0, 1], port).into())?;
            spread.hub = Some(hub);
            spread.addresses = vec![format!("{port}@127.0.0.1")];
        }
        Ok(spread)
    }

    /// The hub's process, or the daemons'.
    fn ids(&self) -> Vec<u32> {
        let hub = self.hub.iter().map(Program::id);
        hub.chain(self.daemons.iter().copied()).collect()
    }

    const fn name(&self) -> &'static str {
        match self.hub {
            Some(_) => "hub",
            None => "daemons",
        }
    }
}

/// Measures one farm. Lines that are lost are told of in the sample.
pub(crate) fn measure(plan: Plan, setup: &Setup) -> Result<Sample, RunError> {
    let scratch = setup.scratch.join("farm");
    fs::create_dir(&scratch)?;
    let sample = measure_in(plan, setup, &scratch);
    fs::remove_dir_all(&scratch)?;
    sample
}

fn measure_in(plan: Plan, setup: &Setup, scratch: &Path) -> Result<Sample, RunError> {
    let mut farm = Farm::start(plan, setup, scratch)?;
    let share = Share::of(&plan);
    let before = farm.cpu(setup)?;
    let began = Instant::now();
    let deadline = began + Duration::from_secs(plan.seconds) + WRITE_MAX;
    let follow = |host: &Host| host.follow(began, share.lines, deadline);
    let followers: Vec<_> = farm.hosts.iter().map(follow).collect();
    let (moments, load) = farm.load(share, began)?;
    let followed: Result<Vec<_>, _> = followers.into_iter().map(Follower::finish).collect();
    let followed = followed?;
    interrupt::check()?;
    let after = farm.cpu(setup)?;
    farm.servers.stop()?;
    let published = farm.publishers.finish()?;
    let files: Vec<PathBuf> = farm
        .hosts
        .iter()
        .map(|host| host.file().to_owned())
        .collect();
    let audit = farm
        .hosts
        .into_iter()
        .try_for_each(|host| host.finish(&setup.programs.join("spreadlogd")));
    let mut parts = vec![Part::of_some(
        "publishers",
        published.cpu,
        plan.publishers,
        &plan,
    )];
    parts.extend(Cpu::between(&before, &after, plan, setup.spread.name()));
    let readers = followed.iter().map(|followed| followed.cpu).sum();
    let own = [("the load itself", load), ("reading the files", readers)];
    parts.extend(own.map(|(name, cpu)| Part::new(name, cpu)));
    Ok(Sample {
        plan,
        elapsed: ended(&followed, began),
        lines: moments.count(),
        parts,
        faults: faults(&moments, &followed, &files, (published.lost, audit))?,
        seen: followed
            .iter()
            .map(|followed| moments.until(&followed.seen))
            .collect(),
    })
}

/// Everything that is not as it should be.
fn faults(
    moments: &Moments,
    followed: &[Followed],
    files: &[PathBuf],
    (lost, audit): (u64, Result<(), RunError>),
) -> Result<Vec<String>, RunError> {
    let mut faults = Vec::new();
    if lost > 0 {
        faults.push(format!("{lost} lines found no room in rings and stores"));
    }
    for (number, followed) in followed.iter().enumerate() {
        let missing = moments.until(&followed.seen).missing;
        if missing > 0 || followed.wrong > 0 {
            faults.push(format!(
                "{missing} lines are not in the file of host {number}, and {} more than once or unasked",
                followed.wrong
            ));
        }
    }
    for pair in files.windows(2) {
        if let [one, other] = pair
            && !are_same(one, other)?
        {
            faults.push("the files of the logging hosts differ".to_owned());
        }
    }
    match audit {
        Ok(()) => {}
        Err(RunError::Lost(what)) => faults.push(what),
        Err(error) => return Err(error),
    }
    Ok(faults)
}

fn ended(followed: &[Followed], began: Instant) -> Duration {
    let ends = followed.iter().map(|followed| followed.ended);
    let ended = ends.max().unwrap_or(began);
    ended.saturating_duration_since(began)
}

impl Farm {
    fn start(plan: Plan, setup: &Setup, scratch: &Path) -> Result<Self, RunError> {
        let daemons = &setup.spread.addresses;
        let mut hosts = Vec::new();
        for (number, daemon) in (0..plan.hosts).zip(daemons.iter().cycle()) {
            let folder = scratch.join(format!("host-{number}"));
            let spreadlogd = setup.programs.join("spreadlogd");
            hosts.push(Host::start(&spreadlogd, number, daemon, &folder)?);
        }
        let rthttpd = setup.programs.join("rthttpd");
        let farm = Self {
            publishers: Publishers::start(plan.publishers, daemons)?,
            servers: Servers::start(plan.servers, &rthttpd, daemons, scratch)?,
            hosts,
        };
        let connected = Instant::now();
        farm.publishers.wait_until_answered(plan.hosts)?;
        eprintln!(
            "{} publishers, {} rthttpd and {} logging hosts are there, the last publisher was answered after {} ms",
            plan.publishers,
            plan.servers,
            plan.hosts,
            connected.elapsed().as_millis()
        );
        Ok(farm)
    }

    /// Loads all for their time; the moments of all lines, and the CPU time of that.
    fn load(&mut self, share: Share, began: Instant) -> Result<(Moments, Duration), RunError> {
        let (publishers, servers) = (&mut self.publishers, &mut self.servers);
        thread::scope(|scope| {
            let asking = scope.spawn(move || timed(|| servers.ask(share, began)));
            let (logged, mut cpu) = timed(|| publishers.log(share, began));
            let asked = asking.join();
            let (asked, more) =
                asked.map_err(|_| RunError::Server("who asks has panicked".to_owned()))?;
            cpu += more;
            let mut moments = logged?;
            moments.join(&asked?);
            Ok((moments, cpu))
        })
    }

    fn cpu(&self, setup: &Setup) -> io::Result<Cpu> {
        let ids = setup.spread.ids();
        let spread = (!ids.is_empty()).then(|| CpuTimes::read_all(&ids));
        let servers: Vec<u32> = self.servers.ids().collect();
        let hosts = self.hosts.iter().map(|host| CpuTimes::read(host.id()));
        Ok(Cpu {
            spread: spread.transpose()?,
            servers: CpuTimes::read_all(&servers)?,
            hosts: hosts.collect::<Result<_, _>>()?,
        })
    }
}

impl Cpu {
    fn between(before: &Self, after: &Self, plan: Plan, spread: &'static str) -> Vec<Part> {
        let used = |after: &CpuTimes, before: &CpuTimes| after.since(before).total;
        let mut parts = vec![Part::of_some(
            "rthttpd, serving too",
            used(&after.servers, &before.servers),
            plan.servers,
            &plan,
        )];
        if let (Some(after), Some(before)) = (&after.spread, &before.spread) {
            parts.push(Part::new(spread, used(after, before)));
        }
        let hosts = after.hosts.iter().zip(&before.hosts);
        let hosts = hosts.map(|(after, before)| used(after, before));
        let mean = hosts.sum::<Duration>() / u32::try_from(plan.hosts.max(1)).unwrap_or(1);
        parts.push(Part::new("each logging host", mean));
        parts
    }
}

/// What `work` gives, and its CPU time on this thread.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(now).unwrap_or_default()
    };
    let before = now();
    let done = work();
    (done, now().saturating_sub(before))
}
