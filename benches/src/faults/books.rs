//! What the programs say themselves: the status pages of web servers, the audits of logging hosts.
//!
//! A line that is missing must be in these books: in the web server's as lost, or in the logging
//! host's as absent (it knows how many lines are in messages that it does not have).

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::FaultError;

/// A logging host's books of one Spread block, from `spreadlogd audit`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Books {
    /// Lines that are known not to be here.
    pub(super) absent: u64,
    /// Streams of which more may have been served than is known.
    pub(super) tails_unknown: u64,
    /// Streams whose lines do not add up, and files that do not hold what was written.
    pub(super) contradictions: u64,
}

/// Audits a ledger, of a spreadlogd that runs or has ended; one entry for each Spread block.
pub(super) fn audit(spreadlogd: &Path, state: &Path) -> Result<Vec<Books>, FaultError> {
    let mut command = Command::new(spreadlogd);
    command
        .args(["audit", "--json", "--verify", "--state"])
        .arg(state);
    let output = command
        .output()
        .map_err(FaultError::system("run an audit"))?;
    // It fails, too, when something is missing, and has said what.
    let audit: Value = serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        status("an audit", &format!("{error}; {said}"))
    })?;
    let blocks = audit.get("blocks").and_then(Value::as_array);
    let blocks = blocks.ok_or_else(|| status("an audit", "no blocks"))?;
    // Files are in the totals of all alone.
    let differing = number(audit.get("totals"), "files_that_differ");
    let books = blocks.iter().map(|block| of_block(block, differing));
    Ok(books.collect())
}

fn of_block(block: &Value, differing: u64) -> Books {
    let groups = block.get("groups").and_then(Value::as_array);
    let totals = groups
        .into_iter()
        .flatten()
        .map(|group| group.get("totals"));
    let mut books = Books {
        contradictions: differing,
        ..Books::default()
    };
    for totals in totals {
        books.absent += number(totals, "absent");
        books.tails_unknown += number(totals, "tails_unknown");
        books.contradictions += number(totals, "disagreeing");
    }
    books
}

/// What is not known counts for nothing, so that it can excuse nothing.
fn number(of: Option<&Value>, key: &str) -> u64 {
    of.and_then(|of| of.get(key)?.as_u64()).unwrap_or_default()
}

/// The sum of a metric's samples, from `/status.json`.
pub(super) fn metric(name: &str, page: SocketAddr, metric: &str) -> Result<u64, FaultError> {
    let text = fetch(page).map_err(|error| status(name, &error.to_string()))?;
    let json = text.split_once("\r\n\r\n").map_or("", |(_, json)| json);
    let json: Value =
        serde_json::from_str(json).map_err(|error| status(name, &error.to_string()))?;
    let samples = json
        .get(metric)
        .and_then(|metric| metric.get("samples")?.as_array());
    let samples = samples.ok_or_else(|| status(name, &format!("no {metric}")))?;
    let values = samples.iter().map(|sample| sample.get("value")?.as_u64());
    let sum = values.sum::<Option<u64>>();
    sum.ok_or_else(|| status(name, &format!("{metric} is no number")))
}

fn status(name: &str, what: &str) -> FaultError {
    FaultError::Status {
        name: name.to_owned(),
        what: what.to_owned(),
    }
}

fn fetch(page: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(page)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "GET /status.json HTTP/1.1\r\nHost: {page}\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
