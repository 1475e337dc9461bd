//! What the figures were measured on.

use std::fmt;
use std::fs;
use std::process::Command;

/// The machine, the system and the state of the source.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The processor's name as the kernel tells it.
    pub processor: String,
    /// How many processors this process may use.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// Processes that wanted a processor in the last minute, on average: what was beside the measurement.
    pub load: String,
    /// The commit measured, with `+` when the tree had changes beside it.
    pub commit: String,
    /// The day, in UTC: `2026-11-28`.
    pub date: String,
}

impl Machine {
    /// Looks at the machine now. What cannot be told is `unknown`.
    #[must_use]
    pub fn look() -> Self {
        Self {
            processor: processor().unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: first_word("/proc/sys/kernel/osrelease"),
            load: first_word("/proc/loadavg"),
            commit: commit().unwrap_or_else(unknown),
            date: said("date", &["-u", "+%F"]).unwrap_or_else(unknown),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} cores, Linux {}, load {} at the start, commit {}, {}",
            self.processor, self.cores, self.kernel, self.load, self.commit, self.date
        )
    }
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn commit() -> Option<String> {
    let hash = said("git", &["rev-parse", "--short", "HEAD"])?;
    let changes = said("git", &["status", "--porcelain", "--untracked-files=no"])?;
    let mark = if changes.is_empty() { "" } else { "+" };
    Some(hash + mark)
}

/// What a program prints, if it is there and all went well.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn first_word(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace()
        .next()
        .map_or_else(unknown, str::to_owned)
}

fn unknown() -> String {
    "unknown".to_owned()
}
