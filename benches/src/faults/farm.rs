//! The farm: hubs, web servers and logging hosts as processes, each to be broken by itself.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::books::{self, Books};
use super::disk::Disk;
use super::held_port::HeldPort;
use super::program::Program;
use super::proxy::Proxy;
use super::{FaultError, Scale, hub, load};

/// The programs, as they were built.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The web server.
    pub rthttpd: PathBuf,
    /// The logging host.
    pub spreadlogd: PathBuf,
    /// This harness, which is the hub too.
    pub harness: PathBuf,
}

/// What a farm is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) hubs: usize,
    pub(super) hosts: usize,
    /// Whether the web servers have a spool.
    pub(super) spool: bool,
    /// `--spread-buffer` of the web servers.
    pub(super) buffer: Option<&'static str>,
    /// Whether everybody's wire to the first hub can be cut.
    pub(super) wires: bool,
    /// Spread blocks in each logging host's configuration, each with a file of its own.
    pub(super) blocks: usize,
    /// Whether the second logging host has a small disk of its own, for its file and its ledger.
    pub(super) small_disk: bool,
}

impl Plan {
    pub(super) const PLAIN: Self = Self {
        hubs: 1,
        hosts: 2,
        spool: false,
        buffer: None,
        wires: false,
        blocks: 1,
        small_disk: false,
    };
}

pub(super) const GROUP: &str = "access_log";

/// A logging host's ledger, beside its file.
const STATE: &str = "state";

/// A farm at work. Dropped, all its processes are killed.
#[derive(Debug)]
pub(super) struct Farm {
    /// Gone before the folder it is in.
    disk: Option<Disk>,
    folder: tempfile::TempDir,
    binaries: Binaries,
    plan: Plan,
    hubs: Vec<Hub>,
    publishers: Vec<Publisher>,
    hosts: Vec<Host>,
}

#[derive(Debug)]
struct Hub {
    /// Its own, also while it is not running: it comes back there.
    place: HeldPort,
    program: Option<Program>,
}

/// A web server.
#[derive(Debug)]
struct Publisher {
    wire: Option<Proxy>,
    program: Option<Program>,
    http: Option<SocketAddr>,
    status: Option<SocketAddr>,
}

/// A logging host.
#[derive(Debug)]
struct Host {
    wire: Option<Proxy>,
    program: Option<Program>,
    rotations: u32,
}

impl Farm {
    /// Starts everything: hubs, then logging hosts, and when they have joined the web servers.
    pub(super) fn start(plan: Plan, binaries: &Binaries, scale: Scale) -> Result<Self, FaultError> {
        let folder = tempfile::Builder::new().prefix("faults-").tempdir();
        let folder = folder.map_err(FaultError::system("make a folder"))?;
        let root = folder.path().join("www");
        fs::create_dir(&root)
            .and_then(|()| fs::write(root.join(load::FILE), "a small file\n"))
            .map_err(FaultError::system("make a document root"))?;
        let mut farm = Self {
            disk: None,
            folder,
            binaries: binaries.clone(),
            plan,
            hubs: Vec::new(),
            publishers: Vec::new(),
            hosts: Vec::new(),
        };
        for number in 0..plan.hubs {
            farm.hubs.push(Hub {
                place: HeldPort::hold().map_err(FaultError::system("hold a port"))?,
                program: None,
            });
            farm.start_hub(number)?;
        }
        for _ in 0..plan.hosts {
            farm.add_host()?;
        }
        for number in 0..scale.publishers() {
            let wire = farm.wire()?;
            farm.publishers.push(Publisher {
                wire,
                program: None,
                http: None,
                status: None,
            });
            farm.start_publisher(number)?;
        }
        for publisher in &farm.publishers {
            if let Some(program) = &publisher.program {
                program.hear("connected to ")?;
            }
        }
        Ok(farm)
    }

    pub(super) fn start_hub(&mut self, number: usize) -> Result<(), FaultError> {
        let harness = self.binaries.harness.clone();
        let Some(hub) = self.hubs.get_mut(number) else {
            return Ok(());
        };
        let mut command = Command::new(harness);
        command.args(["hub", &hub.place.port().to_string()]);
        let program = Program::start(format!("hub {number}"), &mut command)?;
        program.hear(hub::SAYS)?;
        hub.program = Some(program);
        Ok(())
    }

    pub(super) fn kill_hub(&mut self, number: usize) -> Result<(), FaultError> {
        kill(self.hubs.get_mut(number).map(|hub| &mut hub.program))
    }

    pub(super) fn signal_hub(&self, number: usize, signal: Signal) -> Result<(), FaultError> {
        tell(self.hubs.get(number).map(|hub| &hub.program), signal)
    }

    /// Where a client of the harness's own finds a hub.
    pub(super) fn hub_address(&self, number: usize) -> String {
        let port = self.hubs.get(number).map_or(0, |hub| hub.place.port());
        format!("{port}@127.0.0.1")
    }

    /// A wire of its own to the first hub, where the plan has wires.
    fn wire(&self) -> Result<Option<Proxy>, FaultError> {
        let hub = self.hubs.first().filter(|_| self.plan.wires);
        let daemon = hub.map(|hub| SocketAddr::from((Ipv4Addr::LOCALHOST, hub.place.port())));
        daemon.map(Proxy::start).transpose()
    }

    /// What to give to `--spread`.
    fn daemons(&self, wire: Option<&Proxy>) -> String {
        if let Some(wire) = wire {
            return format!("{}@127.0.0.1", wire.port());
        }
        let addresses: Vec<_> = (0..self.hubs.len())
            .map(|hub| self.hub_address(hub))
            .collect();
        addresses.join(",")
    }

    pub(super) fn start_publisher(&mut self, number: usize) -> Result<(), FaultError> {
        let Some(publisher) = self.publishers.get(number) else {
            return Ok(());
        };
        let folder = self.folder.path();
        let mut command = Command::new(&self.binaries.rthttpd);
        command
            .args(["-h", "127.0.0.1", "-p", "0", "--workers", "1"])
            .args(["--status", "127.0.0.1:0", "--spread-group", GROUP])
            .args(["--spread", &self.daemons(publisher.wire.as_ref())])
            .arg("-d")
            .arg(folder.join("www"))
            .arg("--spread-socket-dir")
            .arg(folder);
        if self.plan.spool {
            command
                .arg("--spool")
                .arg(folder.join(format!("spool-{number}")));
        }
        if let Some(buffer) = self.plan.buffer {
            command.args(["--spread-buffer", buffer]);
        }
        let program = Program::start(format!("web server {number}"), &mut command)?;
        // The last line of the banner.
        program.hear("log      ")?;
        let http = address_in(&program.hear("at       http://")?);
        let status = address_in(&program.hear("status   http://")?);
        if let Some(publisher) = self.publishers.get_mut(number) {
            publisher.program = Some(program);
            publisher.http = http;
            publisher.status = status;
        }
        Ok(())
    }

    pub(super) fn kill_publisher(&mut self, number: usize) -> Result<(), FaultError> {
        kill(self.publishers.get_mut(number).map(|p| &mut p.program))
    }

    pub(super) fn stop_publisher(&mut self, number: usize) -> Result<(), FaultError> {
        stop(self.publishers.get_mut(number).map(|p| &mut p.program))
    }

    pub(super) fn http_addresses(&self) -> Vec<Option<SocketAddr>> {
        self.publishers
            .iter()
            .map(|publisher| publisher.http)
            .collect()
    }

    pub(super) fn publisher_wire(&self, number: usize) -> Option<&Proxy> {
        self.publishers.get(number)?.wire.as_ref()
    }

    /// The status pages of the web servers that run.
    pub(super) fn publisher_pages(&self) -> impl Iterator<Item = (String, SocketAddr)> {
        let pages = self.publishers.iter().enumerate();
        pages.filter_map(|(number, publisher)| {
            publisher.program.as_ref()?;
            Some((format!("web server {number}"), publisher.status?))
        })
    }

    /// One logging host more; when this returns it has joined.
    pub(super) fn add_host(&mut self) -> Result<(), FaultError> {
        let number = self.hosts.len();
        let folder = self.host_folder(number);
        fs::create_dir(&folder).map_err(FaultError::system("make a host's folder"))?;
        if self.plan.small_disk && number == 1 {
            self.disk = Some(Disk::mount(&folder)?);
        }
        let wire = self.wire()?;
        self.hosts.push(Host {
            wire,
            program: None,
            rotations: 0,
        });
        self.start_host(number)?;
        self.await_joined(number)
    }

    /// Starts it again, on the state it has; it joins when it can.
    pub(super) fn start_host(&mut self, number: usize) -> Result<(), FaultError> {
        let Some(host) = self.hosts.get(number) else {
            return Ok(());
        };
        let folder = self.host_folder(number);
        let daemons = self.daemons(host.wire.as_ref());
        let mut command = Command::new(&self.binaries.spreadlogd);
        if self.plan.blocks > 1 {
            let conf = folder.join("spreadlogd.conf");
            fs::write(&conf, self.configuration(&folder))
                .map_err(FaultError::system("write a spreadlogd.conf"))?;
            command.arg("-c").arg(conf);
        } else {
            command.args(["--group", GROUP, "--spread", &daemons]);
            command.arg("--file").arg(folder.join(log_name(0)));
        }
        command.arg("--state").arg(folder.join(STATE));
        command.arg("--spread-socket-dir").arg(self.folder.path());
        let program = Program::start(format!("logging host {number}"), &mut command)?;
        if let Some(host) = self.hosts.get_mut(number) {
            host.program = Some(program);
        }
        Ok(())
    }

    /// One Spread block after the other, each a session of its own with the same daemon.
    fn configuration(&self, folder: &Path) -> String {
        let port = self.hubs.first().map_or(0, |hub| hub.place.port());
        let block = |number| {
            format!(
                "Spread {{\n  Port = {port}\n  Host = 127.0.0.1\n  \
                 Log {{ Group = {GROUP} File = \"{}\" }}\n}}\n",
                folder.join(log_name(number)).display()
            )
        };
        (0..self.plan.blocks).map(block).collect()
    }

    pub(super) fn await_joined(&self, number: usize) -> Result<(), FaultError> {
        let program = self
            .hosts
            .get(number)
            .and_then(|host| host.program.as_ref());
        program.map_or(Ok(()), |program| program.hear("joined ").map(drop))
    }

    pub(super) fn kill_host(&mut self, number: usize) -> Result<(), FaultError> {
        kill(self.hosts.get_mut(number).map(|host| &mut host.program))
    }

    pub(super) fn signal_host(&self, number: usize, signal: Signal) -> Result<(), FaultError> {
        tell(self.hosts.get(number).map(|host| &host.program), signal)
    }

    pub(super) fn host_program(&self, number: usize) -> Option<&Program> {
        self.hosts.get(number)?.program.as_ref()
    }

    pub(super) const fn disk(&self) -> Option<&Disk> {
        self.disk.as_ref()
    }

    pub(super) fn host_wire(&self, number: usize) -> Option<&Proxy> {
        self.hosts.get(number)?.wire.as_ref()
    }

    /// Rotation as it always was: `mv`, then HUP.
    pub(super) fn rotate(&mut self, number: usize) -> Result<(), FaultError> {
        let folder = self.host_folder(number);
        let Some(host) = self.hosts.get_mut(number) else {
            return Ok(());
        };
        host.rotations += 1;
        let to = format!("{}.{}", log_name(0), host.rotations);
        fs::rename(folder.join(log_name(0)), folder.join(to))
            .map_err(FaultError::system("move a log file away"))?;
        self.signal_host(number, Signal::HUP)
    }

    pub(super) fn host_folder(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("host-{number}"))
    }

    /// The files that must hold everything: the folder, and the name of the newest.
    pub(super) fn logs(&self) -> Vec<(usize, PathBuf, String)> {
        let hosts = 0..self.hosts.len();
        hosts
            .flat_map(|host| {
                let folder = self.host_folder(host);
                let name = move |block| (host, folder.clone(), log_name(block));
                (0..self.plan.blocks).map(name)
            })
            .collect()
    }

    /// The books of all logging hosts, in the order of [`Self::logs`].
    pub(super) fn audits(&self) -> Result<Vec<Books>, FaultError> {
        let hosts = 0..self.hosts.len();
        let audits = hosts.map(|host| {
            let state = self.host_folder(host).join(STATE);
            books::audit(&self.binaries.spreadlogd, &state)
        });
        let audits = audits.collect::<Result<Vec<_>, _>>()?;
        Ok(audits.concat())
    }

    /// Stops everything in good order: web servers, logging hosts, hubs.
    pub(super) fn stop(&mut self) -> Result<(), FaultError> {
        for number in 0..self.publishers.len() {
            self.stop_publisher(number)?;
        }
        for host in &mut self.hosts {
            stop(Some(&mut host.program))?;
        }
        for number in 0..self.hubs.len() {
            self.kill_hub(number)?;
        }
        Ok(())
    }

    /// What everybody has said last, for whoever looks into a case that failed.
    pub(super) fn said(&self) -> String {
        let hosts = self.hosts.iter().map(|host| &host.program).enumerate();
        let hosts = hosts.map(|(number, program)| (format!("logging host {number}"), program));
        let publishers = self.publishers.iter().map(|p| &p.program).enumerate();
        let publishers = publishers.map(|(number, p)| (format!("web server {number}"), p));
        let mut text = String::new();
        for (name, program) in hosts.chain(publishers) {
            if let Some(program) = program {
                text += &format!("--- {name}\n{}\n", program.said());
            }
        }
        text
    }

    /// Leaves the folder for whoever looks into a case that failed.
    pub(super) fn keep(mut self) -> PathBuf {
        self.disk.iter_mut().for_each(Disk::keep);
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }
}

fn log_name(block: usize) -> String {
    match block {
        0 => "access_log".to_owned(),
        block => format!("block_{block}_log"),
    }
}

/// The first address in a line with a URL.
fn address_in(line: &str) -> Option<SocketAddr> {
    let address = line.split("http://").nth(1)?;
    address.split('/').next()?.parse().ok()
}

fn kill(program: Option<&mut Option<Program>>) -> Result<(), FaultError> {
    let program = program.and_then(Option::take);
    program.map_or(Ok(()), Program::kill)
}

fn stop(program: Option<&mut Option<Program>>) -> Result<(), FaultError> {
    let program = program.and_then(Option::take);
    program.map_or(Ok(()), Program::terminate)
}

fn tell(program: Option<&Option<Program>>, signal: Signal) -> Result<(), FaultError> {
    let program = program.and_then(Option::as_ref);
    program.map_or(Ok(()), |program| program.signal(signal))
}
