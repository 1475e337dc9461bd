//! A packet sniffer in the place of the log: what share of the requests it records, at rising load of one worker.
//!
//! Beside it the same server logs through a hub to a logging host, so that both are told of the same requests. The
//! server has one core and the load the other; the sniffer is where the system puts it, as anywhere.

#![expect(clippy::cast_precision_loss, reason = "figures far below 2^52")]

mod capture;
mod sniffer;

use std::fs::{self, File};
use std::io::Read as _;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use benches::interrupt;
use benches::load::{Expected, Load, LoadError, Question, Shape, Wanted};
use benches::machine::Machine;
use benches::program::{self, Program, free_port};
use serde_json::{Value, json};

pub(crate) use self::sniffer::SniffError;
use self::sniffer::{Recorded, Sniffer};
use crate::hosts::Host;
use crate::run::Setup;
use crate::{RunError, WRITE_MAX};

/// Parts of what the worker can, in hundredths.
const PARTS: [u64; 5] = [10, 30, 60, 90, 100];

const CONNECTIONS: usize = 64;

/// What the worker can is learned from as many, the best of some rounds: what disturbs makes it less.
const FULL_REQUESTS: u64 = 60_000;
const FULL_ROUNDS: u64 = 5;

/// After the last answer, until the sniffer has got what the kernel has for it.
const QUIET: Duration = Duration::from_millis(1_500);

/// What of the log is read at once.
const READ_LEN: usize = 256 * 1024;

/// Between two looks at the log.
const LOOK_EVERY: Duration = Duration::from_millis(20);

const CONTENT: [u8; 1024] = [b'x'; 1024];

/// One load.
#[derive(Debug)]
struct Step {
    part: u64,
    rate: f64,
    served: u64,
    recorded: Recorded,
    /// Lines in the file.
    lines: u64,
}

/// Measures all loads, `seconds` each, or says why not.
pub(crate) fn run(
    setup: &Setup,
    seconds: u64,
    machine: &Machine,
) -> Result<Option<Value>, RunError> {
    let port = free_port()?;
    if let Err(why) = Sniffer::start(port)?.map(drop) {
        println!("not measured, as nothing can be sniffed here: {why}");
        return Ok(None);
    }
    let cores = program::two_cores()?;
    let spread = setup.spread.addresses.first().cloned().unwrap_or_default();
    let spreadlogd = setup.programs.join("spreadlogd");
    let host = Host::start(&spreadlogd, 0, &spread, &setup.scratch.join("host"))?;
    let root = setup.scratch.join("www");
    fs::create_dir_all(&root)?;
    fs::write(root.join("page"), CONTENT)?;
    let mut command = Command::new(setup.programs.join("rthttpd"));
    command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    command
        .args(["--workers", "1", "--spread", &spread, "-d"])
        .arg(&root);
    let server_core = cores.map(|(first, _)| first);
    let mut rthttpd = Program::start("rthttpd", command, server_core, &setup.scratch)?;
    let server = SocketAddr::from(([127, 0, 0, 1], port));
    rthttpd.wait_until_ready(server)?;
    if let Some((_, second)) = cores {
        program::stay_on(second)?;
    }
    let mut load = connect(server)?;
    let mut full_rate: f64 = 0.0;
    for _ in 0..FULL_ROUNDS {
        let round = load.run(FULL_REQUESTS)?;
        full_rate = full_rate.max(round.requests as f64 / round.elapsed.as_secs_f64());
    }
    eprintln!("one worker can {full_rate:.0} requests a second");
    let before = Expected::LEARNING_REQUESTS + FULL_ROUNDS * FULL_REQUESTS;
    let mut log = Log {
        file: File::open(host.file())?,
        lines: 0,
    };
    log.wait_for(before)?;
    let mut steps = Vec::new();
    for part in PARTS {
        let step = measure((part, full_rate, seconds), &mut load, port, &mut log)?;
        eprintln!("{}", step.row());
        steps.push(step);
    }
    drop(load);
    rthttpd.stop()?;
    host.finish(&spreadlogd)?;
    println!("\n{}", table(&steps));
    let steps: Vec<Value> = steps.iter().map(Step::json).collect();
    Ok(Some(
        json!({"machine": machine.to_string(), "full_rate": full_rate, "steps": steps}),
    ))
}

fn connect(server: SocketAddr) -> Result<Load, LoadError> {
    let (question, wanted) = (Question::about("/page"), Wanted::file(&CONTENT));
    let shape = Shape {
        connections: CONNECTIONS,
        pipelined: 1,
    };
    Load::connect(server, shape, Expected::learn(server, &question, &wanted)?)
}

fn measure(
    (part, full_rate, seconds): (u64, f64, u64),
    load: &mut Load,
    port: u16,
    log: &mut Log,
) -> Result<Step, RunError> {
    let sniffer = Sniffer::start(port)?.map_err(RunError::Server)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some thousands"
    )]
    let rate = ((full_rate * part as f64 / 100.0) as u64).max(1);
    let served = rate * seconds;
    let began = Instant::now();
    if part < 100 {
        load.run_at(rate, served)?;
    } else {
        load.run(served)?;
    }
    let elapsed = began.elapsed();
    let before = log.lines;
    let lines = log.wait_for(before + served)? - before;
    thread::sleep(QUIET);
    Ok(Step {
        part,
        rate: served as f64 / elapsed.as_secs_f64(),
        served,
        recorded: sniffer.stop()?,
        lines,
    })
}

/// The lines of a file, counted as it grows.
struct Log {
    file: File,
    lines: u64,
}

impl Log {
    /// Waits until there are so many, or it is too late; how many there are.
    fn wait_for(&mut self, lines: u64) -> Result<u64, RunError> {
        let deadline = Instant::now() + WRITE_MAX;
        let mut buffer = vec![0; READ_LEN];
        while self.lines < lines && Instant::now() < deadline {
            interrupt::check()?;
            let read = self.file.read(&mut buffer)?;
            let new = buffer.get(..read).unwrap_or_default();
            self.lines += new.iter().filter(|byte| **byte == b'\n').count() as u64;
            if read == 0 {
                thread::sleep(LOOK_EVERY);
            }
        }
        Ok(self.lines)
    }
}

impl Step {
    fn share(&self, count: u64) -> f64 {
        count as f64 * 100.0 / self.served.max(1) as f64
    }

    fn sniffer_micros(&self) -> f64 {
        self.recorded.cpu.as_secs_f64() * 1e6 / self.served.max(1) as f64
    }

    fn row(&self) -> String {
        format!(
            "| {} % | {:.0} | {} | {:.2} % | {:.2} % | {} | {:.1} µs | {:.2} % |",
            self.part,
            self.rate,
            self.served,
            self.share(self.recorded.requests),
            self.share(self.recorded.answers),
            self.recorded.dropped,
            self.sniffer_micros(),
            self.share(self.lines),
        )
    }

    fn json(&self) -> Value {
        json!({
            "load_percent": self.part,
            "requests_per_second": self.rate,
            "served": self.served,
            "requests_recorded": self.recorded.requests,
            "answers_recorded": self.recorded.answers,
            "packets_dropped": self.recorded.dropped,
            "sniffer_cpu_micros": self.sniffer_micros(),
            "lines": self.lines,
        })
    }
}

/// As the documentation has it.
fn table(steps: &[Step]) -> String {
    let mut text = "| load of the worker | requests/s | served | sniffer: requests | answers | packets dropped | \
                    its CPU, a request | log |\n|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for step in steps {
        text.push_str(&step.row());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_what_was_served() {
        let step = Step {
            part: 90,
            rate: 50_000.0,
            served: 200,
            recorded: Recorded {
                requests: 175,
                answers: 100,
                dropped: 125,
                cpu: Duration::from_micros(500),
            },
            lines: 200,
        };

        assert_eq!(
            step.row(),
            "| 90 % | 50000 | 200 | 87.50 % | 50.00 % | 125 | 2.5 µs | 100.00 % |"
        );
        let bars = table(&[step]);
        let bars = bars.lines().map(|line| line.matches('|').count());
        assert_eq!(bars.collect::<Vec<_>>(), [9; 3]);
    }
}
