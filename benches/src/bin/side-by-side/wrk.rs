//! `wrk` in place of the load generator, for those who would rather believe one that they know.
//!
//! It sends as much as it can for a second and looks at nothing but the status, and what is under way when it ends it
//! does not count: so of each slice as many requests as there are connections may have a line and be missing here.

use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use benches::load::{Question, Round};

/// What it is to ask for.
#[derive(Clone, Debug)]
pub(crate) struct Wrk {
    pub(crate) server: SocketAddr,
    pub(crate) target: String,
    pub(crate) fields: Vec<String>,
    pub(crate) connections: usize,
}

/// It did not do what a figure needs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WrkError {
    #[error("cannot start wrk: it must be installed for --wrk")]
    Start(#[source] io::Error),
    #[error("wrk did not measure what was wanted; it said:\n{0}")]
    Said(String),
}

impl Wrk {
    pub(crate) fn new(server: SocketAddr, question: &Question, connections: usize) -> Self {
        Self {
            server,
            target: question.target.clone(),
            fields: question.fields.clone(),
            connections,
        }
    }

    /// Asks for a second.
    pub(crate) fn run(&self) -> Result<Round, WrkError> {
        let mut command = Command::new("wrk");
        command.args(["-t1", "-d1s", "-c", &self.connections.to_string()]);
        for field in &self.fields {
            command.args(["-H", field]);
        }
        command.arg(format!("http://{}{}", self.server, self.target));
        let output = command.output().map_err(WrkError::Start)?;
        let said = String::from_utf8_lossy(&output.stdout);
        parse(&said).ok_or_else(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            WrkError::Said(format!("{said}{errors}"))
        })
    }
}

/// Reads `123456 requests in 1.10s, 150.00MB read`; none where anything failed.
fn parse(said: &str) -> Option<Round> {
    let mut lines = said.lines().map(str::trim);
    if lines
        .clone()
        .any(|line| line.starts_with("Socket errors") || line.starts_with("Non-2xx"))
    {
        return None;
    }
    let (requests, rest) = lines.find_map(|line| line.split_once(" requests in "))?;
    let (elapsed, _) = rest.split_once("s,")?;
    let requests = requests.parse().ok().filter(|requests| *requests > 0)?;
    let elapsed = Duration::try_from_secs_f64(elapsed.parse().ok()?).ok()?;
    Some(Round { requests, elapsed })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Running 1s test @ http://127.0.0.1:80/file.txt
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   456.91us  113.49us   3.24ms   91.12%
    Req/Sec   139.15k     5.36k  147.08k    72.73%
  152123 requests in 1.10s, 185.13MB read
Requests/sec: 138301.09
Transfer/sec:    168.31MB
";

    #[test]
    fn requests_and_their_time_are_read() {
        let round = parse(SAID).unwrap();

        assert_eq!(round.requests, 152_123);
        assert_eq!(round.elapsed, Duration::from_millis(1100));
    }

    #[test]
    fn what_failed_gives_no_figure() {
        let socket = "  Socket errors: connect 0, read 3, write 0, timeout 0\n";
        let status = "  Non-2xx or 3xx responses: 152123\n";

        assert!(parse(&SAID.replace("Requests/sec", &format!("{socket}Requests/sec"))).is_none());
        assert!(parse(&SAID.replace("Requests/sec", &format!("{status}Requests/sec"))).is_none());
        assert!(parse("  0 requests in 1.10s, 0.00B read\n").is_none());
        assert!(parse("unable to connect to 127.0.0.1:80 Connection refused\n").is_none());
        assert!(parse("").is_none());
    }
}
