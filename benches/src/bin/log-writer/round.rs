//! One round: every writer runs, each is sent a stretch of lines in turn, until all had theirs.
//!
//! ```text
//! start all -> until a line arrives -> a slice to warm up -> A B C  C B A … -> stop -> count lines
//! ```
//!
//! A stretch is some slices without a pause, at one pace for all writers, as a farm sends them: what a writer does while
//! it waits for more, and how much that saves, is seen only where more comes. It is over when all of it is in the files,
//! so that a writer's work cannot fall into another's; the order turns round after each pass, as in `side-by-side` and
//! for the same reason.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use benches::cpu::CpuTimes;
use benches::program::{Program, free_port};

use crate::feed::{Pace, Publisher, send_bare};
use crate::lines::{Hosts, LINE_LEN, SLICE_LINES, Slice};
use crate::report::{Sample, micros};
use crate::row::{CONFIG, LOGS, Row, TcpWriter};
use crate::{RunError, Setup};

/// How long a stretch may take: a program as slow as the original, on a busy machine.
const SLICE_MAX: Duration = Duration::from_secs(120);

/// How often is looked how much is written: seldom where that is a look at thousands of files, as the kernel then takes
/// what it knows of each from the writer's core.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOK_AT_MANY_EVERY: Duration = Duration::from_millis(200);

/// Slices of a stretch: 100 MB, so that a writer that falls behind all along holds less than it may (256 MiB).
pub(crate) const STRETCH: u64 = 5;

/// How long a probe has to get into a file. Those of hosts wait a second for company.
const PROBE_MAX: Duration = Duration::from_millis(1_200);

/// Probes before a writer is given up.
const PROBES_MAX: usize = 40;

/// The slices, each made once.
#[derive(Debug)]
pub(crate) struct Slices {
    none: Slice,
    even: Slice,
    zipf: Slice,
}

/// A writer in a round.
#[derive(Debug)]
struct Contestant<'a> {
    row: Row,
    program: Option<Program>,
    process: u32,
    socket: Option<TcpStream>,
    slice: &'a Slice,
    /// A file, or a directory of them.
    logs: PathBuf,
    /// Lines and bytes that must be there.
    lines: u64,
    bytes: u64,
    slices: u64,
    /// Its own, if its messages are numbered.
    publisher: Option<Publisher>,
    cpu: Duration,
    elapsed: Duration,
    /// After the first slice, and now.
    memory: Option<(u64, u64)>,
}

impl Slices {
    pub(crate) fn new() -> Self {
        Self {
            none: Slice::new(Hosts::None),
            even: Slice::new(Hosts::Even),
            zipf: Slice::new(Hosts::Zipf),
        }
    }

    const fn of(&self, hosts: Hosts) -> &Slice {
        match hosts {
            Hosts::None => &self.none,
            Hosts::Even => &self.even,
            Hosts::Zipf => &self.zipf,
        }
    }
}

/// Measures `rows` once, `count` stretches each; their samples, in the same order.
pub(crate) fn measure(
    rows: &[Row],
    setup: &Setup,
    slices: &Slices,
    count: u64,
) -> Result<Vec<Sample>, RunError> {
    let mut publisher = Publisher::connect(setup.spread_port)?;
    let mut contestants = Vec::new();
    for row in rows {
        let slice = slices.of(row.hosts());
        contestants.push(Contestant::start(*row, setup, slice, &mut publisher)?);
    }
    for pass in 0..count {
        for contestant in &mut contestants {
            contestant.run(&mut publisher, setup.rate)?;
        }
        contestants.reverse();
        if count >= SAID_FROM && (pass + 1) % SAID_EVERY == 0 {
            say(&contestants, pass + 1);
        }
    }
    if count % 2 == 1 {
        contestants.reverse();
    }
    contestants.into_iter().map(Contestant::finish).collect()
}

/// A round of more stretches than this tells how far it is, every so many of them.
const SAID_FROM: u64 = 10;
const SAID_EVERY: u64 = 5;

fn say(contestants: &[Contestant<'_>], stretches: u64) {
    for contestant in contestants {
        let (first, now) = contestant.memory.unwrap_or_default();
        eprintln!(
            "  {:<18}{:>12} lines   RssAnon {first} KiB after the first stretch, {now} KiB now",
            contestant.row.name(),
            stretches * STRETCH * SLICE_LINES,
        );
    }
}

impl<'a> Contestant<'a> {
    fn start(
        row: Row,
        setup: &Setup,
        slice: &'a Slice,
        publisher: &mut Publisher,
    ) -> Result<Self, RunError> {
        let mut contestant = match (row, &setup.tcp) {
            (Row::Tcp, Some(writer)) => Self::running(row, writer, slice)?,
            _ => Self::started(row, setup, slice)?,
        };
        if row.is_numbered() {
            contestant.publisher = Some(Publisher::numbered(setup.spread_port, row.name())?);
        }
        contestant.probe(publisher)?;
        contestant.send(publisher, &mut Pace::begin(setup.rate))?;
        contestant.wait()?;
        Ok(contestant)
    }

    fn running(row: Row, writer: &TcpWriter, slice: &'a Slice) -> Result<Self, RunError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, writer.port));
        let mut contestant = Self::new(row, None, writer.process, writer.file.clone(), slice);
        contestant.socket = Some(TcpStream::connect(address)?);
        Ok(contestant)
    }

    fn started(row: Row, setup: &Setup, slice: &'a Slice) -> Result<Self, RunError> {
        let directory = setup.scratch.join(row.name());
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir_all(directory.join(LOGS))?,
        }
        let port = if row.is_tcp() {
            free_port()?
        } else {
            setup.spread_port
        };
        fs::write(directory.join(CONFIG), row.config(port, &directory))?;
        let command = row.command(&setup.program(row), port, &directory);
        let program = Program::start(row.name(), command, setup.writer_core, &directory)?;
        let process = program.id();
        let logs = directory.join(LOGS);
        let mut contestant = Self::new(row, Some(program), process, logs, slice);
        if row == Row::Bare {
            contestant.socket = Some(connect(port)?);
        }
        Ok(contestant)
    }

    fn new(
        row: Row,
        program: Option<Program>,
        process: u32,
        logs: PathBuf,
        slice: &'a Slice,
    ) -> Self {
        Self {
            row,
            program,
            process,
            socket: None,
            slice,
            logs,
            lines: 0,
            bytes: 0,
            slices: 0,
            publisher: None,
            cpu: Duration::ZERO,
            elapsed: Duration::ZERO,
            memory: None,
        }
    }

    /// Sends single lines until one is written: only a member of the group gets any. One that is wanted by `Match`,
    /// of a host of its own.
    fn probe(&mut self, publisher: &mut Publisher) -> Result<(), RunError> {
        let line = self.slice.bytes.slice(..LINE_LEN);
        for _ in 0..PROBES_MAX {
            match &mut self.socket {
                Some(socket) => io::Write::write_all(socket, &line)?,
                None => {
                    let publisher = self.publisher.as_mut().unwrap_or(publisher);
                    publisher.send_one(self.row.name(), line.clone())?;
                }
            }
            let deadline = Instant::now() + PROBE_MAX;
            while Instant::now() < deadline {
                if self.written()? > 0 {
                    // Whatever came late is there too.
                    thread::sleep(PROBE_MAX);
                    self.bytes = self.written()?;
                    self.lines = count_lines(&self.logs)?;
                    return Ok(());
                }
                thread::sleep(LOOK_EVERY);
            }
        }
        Err(self.silent())
    }

    fn run(&mut self, publisher: &mut Publisher, rate: u64) -> Result<(), RunError> {
        let before = self.cpu_times()?;
        let began = Instant::now();
        let mut pace = Pace::begin(rate);
        for _ in 0..STRETCH {
            self.send(publisher, &mut pace)?;
        }
        self.wait()?;
        self.elapsed += began.elapsed();
        self.cpu += self.cpu_times()?.since(&before).total;
        self.slices += STRETCH;
        let now = anonymous_memory(self.process)?;
        self.memory = Some((self.memory.map_or(now, |(first, _)| first), now));
        Ok(())
    }

    fn send(&mut self, publisher: &mut Publisher, pace: &mut Pace) -> Result<(), RunError> {
        let what = (self.slice, self.row.message_len());
        match &mut self.socket {
            Some(socket) => send_bare(socket, self.slice, pace)?,
            None => {
                let publisher = self.publisher.as_mut().unwrap_or(publisher);
                publisher.send(self.row.name(), what, pace)?;
            }
        }
        let (lines, bytes) = self.row.written(self.slice);
        self.lines += lines;
        self.bytes += bytes;
        Ok(())
    }

    /// Waits until all that was sent is in the files.
    fn wait(&self) -> Result<(), RunError> {
        let deadline = Instant::now() + SLICE_MAX;
        let every = if self.row.files() == 1 {
            LOOK_EVERY
        } else {
            LOOK_AT_MANY_EVERY
        };
        while self.written()? < self.bytes {
            if Instant::now() > deadline {
                return Err(self.silent());
            }
            thread::sleep(every);
        }
        Ok(())
    }

    fn written(&self) -> io::Result<u64> {
        let sizes = files(&self.logs)?.into_iter();
        sizes.map(|path| Ok(path.metadata()?.len())).sum()
    }

    fn cpu_times(&self) -> Result<CpuTimes, RunError> {
        let name = self.row.name();
        CpuTimes::read(self.process).map_err(|source| RunError::CpuTime { name, source })
    }

    fn silent(&self) -> RunError {
        RunError::Silent {
            name: self.row.name(),
            written: self.written().unwrap_or_default(),
            expected: self.bytes,
            said: self.program.as_ref().map(Program::said).unwrap_or_default(),
        }
    }

    /// What it cost; stops it and compares the lines of its files with those sent.
    fn finish(self) -> Result<Sample, RunError> {
        drop(self.socket);
        match self.program {
            // The original stays when it is asked to end; all of it is written by now.
            Some(program) if self.row.is_before() => drop(program),
            Some(program) => program.stop()?,
            None => {}
        }
        let name = self.row.name();
        let written = count_lines(&self.logs)?;
        let hosts = files(&self.logs)?.len();
        if written != self.lines || hosts != self.row.files() && self.row.files() == 1 {
            let sent = self.lines;
            return Err(RunError::Lines {
                name,
                sent,
                written,
            });
        }
        if self.row != Row::Tcp {
            fs::remove_dir_all(&self.logs)?;
        }
        let lines = self.slices * SLICE_LINES;
        let (memory_first, memory_last) = self.memory.unwrap_or_default();
        Ok(Sample {
            lines,
            written,
            cpu_micros: micros(self.cpu, lines),
            elapsed_micros: micros(self.elapsed, lines),
            memory_first,
            memory_last,
        })
    }
}

/// The bare loop says nothing when it listens.
fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let deadline = Instant::now() + PROBE_MAX * 10;
    loop {
        match TcpStream::connect(address) {
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => thread::sleep(LOOK_EVERY),
            connected => return connected,
        }
    }
}

/// The file, or those in the directory. Where a ledger lies beside them, that is no log.
fn files(logs: &Path) -> io::Result<Vec<PathBuf>> {
    if logs.is_file() {
        return Ok(vec![logs.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(logs)? {
        let entry = entry?;
        let is_log = !entry.file_name().as_encoded_bytes().starts_with(b".");
        if is_log && entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// A part at a time: a file of 50 million lines is larger than memory.
fn count_lines(logs: &Path) -> io::Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut lines = 0;
    for path in files(logs)? {
        let mut file = fs::File::open(path)?;
        loop {
            let read = io::Read::read(&mut file, &mut buffer)?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            lines += bytes
                .iter()
                .map(|byte| u64::from(*byte == b'\n'))
                .sum::<u64>();
        }
    }
    Ok(lines)
}

/// Memory of its own that a process holds, in KiB (proc_pid_status(5)).
fn anonymous_memory(process: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kib.ok_or_else(|| io::Error::other(format!("/proc/{process}/status has no RssAnon")))
}
