//! Several logs of two servers, read by a spreadlogd of its own: the law holds for each of them.

use std::collections::BTreeMap;
use std::process::Command;

use super::client::Outcome;
use super::daemon::Daemon;
use super::program::{Program, spreadlogd};
use super::{Site, address_of, check, run_clients};

/// As much as `--log` can: everything, what failed, the hosts in front, and hosts in four buckets.
const LOGS: [&str; 4] = [
    "group=access_log",
    "group=failures status=404 format=common",
    "group=hosts vhost=prefix path=small.*",
    "group=sites vhost=buckets:4",
];

/// The buckets that there are; the one of `localhost` is known.
const BUCKETS: [&str; 4] = ["sites.0", "sites.1", "sites.2", "sites.3"];

impl Site {
    fn hub(&self) -> Vec<String> {
        let file = self.path("logs/nothing");
        std::fs::create_dir_all(self.path("logs")).unwrap();
        let options = ["--hub", "0", "--group", "nothing", "--file", &file];
        let sockets = ["--spread-socket-dir", &self.path("")];
        options
            .into_iter()
            .chain(sockets)
            .map(str::to_owned)
            .collect()
    }

    /// A logging host at `hub` with a Log for each group.
    fn logging_host_of_many(&self, hub: &str) -> Vec<String> {
        let mut text = format!("Spread {{\n  Port = {hub}\n");
        let files = [&["access_log", "failures"][..], &BUCKETS].concat();
        for group in files {
            let file = self.path(&format!("logs/{group}"));
            text += &format!("  Log {{ Group = {group} File = {file} }}\n");
        }
        let hosts = self.path("logs/hosts");
        text += &format!("  Log {{ Group = hosts VhostDir = {hosts} }}\n}}\n");
        std::fs::create_dir_all(&hosts).unwrap();
        let conf = self.path("spreadlogd.conf");
        std::fs::write(&conf, text).unwrap();
        let options = ["-c", &conf, "--spread-socket-dir", &self.path("")];
        options.map(str::to_owned).to_vec()
    }

    fn lines(&self, log: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path(&format!("logs/{log}"))).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// How often each target is in the lines.
fn targets(lines: &[String]) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for line in lines {
        let request_line = line.split('"').nth(1).unwrap();
        let target = request_line.split(' ').nth(1).unwrap();
        *times.entry(target.to_owned()).or_default() += 1;
    }
    times
}

/// Each complete response that `wants` is in the lines once, and nothing else that could not be.
fn check_log(lines: &[String], outcomes: &[Outcome], wants: impl Fn(&str) -> bool) {
    let mut times = targets(lines);
    for outcome in outcomes.iter().filter(|outcome| wants(&outcome.target)) {
        let seen = times.remove(&outcome.target).unwrap_or_default();
        let least = usize::from(outcome.complete);
        assert!(
            (least..=1).contains(&seen),
            "{seen} times {}",
            outcome.target
        );
    }
    assert!(times.is_empty(), "not wanted: {:?}", times.keys());
}

#[test]
fn every_log_of_two_servers_has_what_it_wants_exactly_once() {
    let site = Site::new();
    // Only its hub is of interest.
    let mut hub = Program::start_spreadlogd(&site.hub());
    let address = hub.daemon_address();
    run(&site, address);
    hub.terminate();
}

/// Each group is a session of its own there.
#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn a_real_daemon_carries_every_log() {
    let site = Site::new();
    let daemon = Daemon::start().unwrap();
    run(&site, address_of(&daemon));
}

fn run(site: &Site, address: String) {
    let mut logging_host = Program::start_spreadlogd(&site.logging_host_of_many(&address));
    logging_host.hear("joined");
    let logs = LOGS
        .iter()
        .flat_map(|log| ["--log", log])
        .map(str::to_owned);
    let names = ["--server-name", "main.example,localhost"].map(str::to_owned);
    let options: Vec<_> = logs.chain(names).collect();
    let spread = ["--spread".to_owned(), address];
    let options = [site.serving(), spread.to_vec(), options].concat();
    let mut servers = [0, 1].map(|_| Program::start(&options));

    let outcomes = run_clients(&[servers[0].http_address(), servers[1].http_address()]);
    for server in servers {
        server.terminate();
    }
    logging_host.terminate();

    check(&site.log(), &outcomes);
    check_log(&site.lines("failures"), &outcomes, |target| {
        target.contains("missing")
    });
    // Without the host, which is the name of the file.
    check_log(&site.lines("hosts/localhost"), &outcomes, |target| {
        target.contains("small")
    });
    let hosts = std::fs::read_dir(site.path("logs/hosts")).unwrap();
    let hosts = hosts.map(|entry| entry.unwrap().file_name());
    let visible = hosts.filter(|name| !name.to_string_lossy().starts_with('.'));
    assert_eq!(visible.collect::<Vec<_>>(), ["localhost"]);
    // One host is in one bucket.
    let bucket = spread_logger::bucket::bucket(b"localhost", 4.try_into().unwrap());
    check_log(&site.lines(BUCKETS[bucket]), &outcomes, |_| true);
    for other in BUCKETS.iter().filter(|other| **other != BUCKETS[bucket]) {
        let file = site.path(&format!("logs/{other}"));
        assert_eq!(std::fs::read(file).unwrap_or_default(), b"", "{other}");
    }
    audit(site);
}

/// The books of both sides, group by group.
fn audit(site: &Site) {
    let conf = site.path("spreadlogd.conf");
    let output = Command::new(spreadlogd())
        .args(["audit", "--strict", "--verify", "-c", &conf])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{said}");
    for group in ["access_log", "failures", "hosts"].iter().chain(&BUCKETS) {
        assert!(said.contains(group), "{group} in {said}");
    }
}
