//! What the system says of this process, under the names every client library of Prometheus
//! gives it.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::date;
use crate::metrics::{Fact, Family, Section, Unit, Value, bytes, count, duration, samples, sum};

/// This process, from its start on.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    started: u64,
}

impl Process {
    /// To be called when the program starts.
    #[must_use]
    pub fn started_now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            started: since_epoch.map_or(0, |since| since.as_secs()),
        }
    }

    /// What it does, and since when: a page's subtitle.
    #[must_use]
    pub fn subtitle(&self, does: &str) -> String {
        let started = i64::try_from(self.started).unwrap_or(i64::MAX);
        let since = String::from_utf8_lossy(&date::format(started)).into_owned();
        let age = self.now().saturating_sub(self.started);
        format!("{does} since {since}: {}", duration(age))
    }

    /// Its facts for people, from `families` that hold its own.
    #[must_use]
    pub fn section(&self, families: &[Family]) -> Section {
        let cpu = samples(families, "process_cpu_seconds_total").first();
        let cpu = cpu.map_or_else(String::new, |sample| match sample.value {
            Value::Real(seconds) => format!("{seconds:.1} s"),
            Value::Whole(seconds) => duration(seconds),
        });
        let number = |name| count(sum(families, name));
        Section {
            title: "Process",
            facts: vec![
                Fact::new(
                    "Memory",
                    bytes(sum(families, "process_resident_memory_bytes")),
                ),
                Fact::new("Processor time", cpu),
                Fact::new("Open descriptors", number("process_open_fds"))
                    .note(format!("of at most {}", number("process_max_fds"))),
            ],
        }
    }

    /// The time, in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        since_epoch.map_or(0, |since| since.as_secs())
    }

    /// Its families. What a system does not tell is left out.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let mut families = vec![
            Family::gauge(
                "process_start_time_seconds",
                "When the process started, in seconds since 1970.",
            )
            .in_unit(Unit::Time)
            .value(self.started),
            Family::counter(
                "process_cpu_seconds_total",
                "Processor time used, in the process and in the kernel for it.",
            )
            .in_unit(Unit::Seconds)
            .value(cpu_seconds()),
        ];
        if let Some(bytes) = resident_bytes() {
            let name = "process_resident_memory_bytes";
            let family = Family::gauge(name, "Memory in use that is not paged out.");
            families.push(family.in_unit(Unit::Bytes).value(bytes));
        }
        if let Ok(entries) = fs::read_dir("/proc/self/fd") {
            // One of them is the directory itself.
            let open = entries.count().saturating_sub(1);
            families.push(Family::gauge("process_open_fds", "Open descriptors.").value(open));
        }
        if let Some(max) = getrlimit(Resource::Nofile).current {
            let name = "process_max_fds";
            families.push(Family::gauge(name, "Descriptors that may be open.").value(max));
        }
        families
    }
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Both are small: no digit that counts is lost.
    #[expect(clippy::cast_precision_loss, reason = "seconds of processor time")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

/// From the line `VmRSS:     1234 kB`, where there is one.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
