//! The CPU time of processes, thread by thread, seen from outside.
//!
//! `/proc/PID/task/TID/schedstat` has it in nanoseconds; the clock ticks of `/proc/PID/stat` are 10 ms each,
//! too coarse for a round of a few seconds. Threads and children that ended between two readings are missing
//! from the second, so read while the process is alive and settled.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// CPU time used so far, by thread, of a process and its descendants.
#[derive(Clone, Debug, Default)]
pub struct CpuTimes {
    /// Thread identifiers are unique across the system, so they alone can be the key.
    threads: BTreeMap<u32, Duration>,
}

/// What was used between two readings.
#[derive(Clone, Copy, Debug)]
pub struct CpuUsed {
    /// By all threads of all processes.
    pub total: Duration,
    /// By the thread that used most: with one worker, the worker.
    pub busiest: Duration,
}

impl CpuTimes {
    /// Reads the times of `process` and all processes descended from it.
    ///
    /// # Errors
    /// When there is no such process, `/proc` cannot be read, or the kernel keeps no `schedstat`.
    pub fn read(process: u32) -> io::Result<Self> {
        on_cpu(Path::new(&format!("/proc/{process}")))?;
        let mut times = Self::default();
        for pid in descendants(process)? {
            times.add_threads_of(pid)?;
        }
        Ok(times)
    }

    /// The same of several families together.
    ///
    /// # Errors
    /// As [`CpuTimes::read`].
    pub fn read_all(processes: &[u32]) -> io::Result<Self> {
        let mut all = Self::default();
        for process in processes {
            all.threads.extend(Self::read(*process)?.threads);
        }
        Ok(all)
    }

    /// What was used between `earlier` and this reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> CpuUsed {
        let used = self.threads.iter().map(|(tid, now)| {
            let before = earlier.threads.get(tid).copied().unwrap_or_default();
            now.saturating_sub(before)
        });
        CpuUsed {
            total: used.clone().sum(),
            busiest: used.max().unwrap_or_default(),
        }
    }

    fn add_threads_of(&mut self, pid: u32) -> io::Result<()> {
        let Some(entries) = unless_ended(fs::read_dir(format!("/proc/{pid}/task")))? else {
            return Ok(());
        };
        for entry in entries {
            let Some(entry) = unless_ended(entry)? else {
                return Ok(());
            };
            let tid = number(&entry.file_name().to_string_lossy());
            if let Some(tid) = tid
                && let Some(time) = unless_ended(on_cpu(&entry.path()))?
            {
                self.threads.insert(tid, time);
            }
        }
        Ok(())
    }
}

/// `None` when what was read about has ended meanwhile; the kernel says so in one of two ways.
fn unless_ended<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    const ESRCH: i32 = 3;
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Memory of their own (`RssAnon`) of `processes` and their descendants, in KiB.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn memory_kib(processes: &[u32]) -> io::Result<u64> {
    let mut sum = 0;
    let mut families = Vec::new();
    for process in processes {
        families.extend(descendants(*process)?);
    }
    for pid in families {
        let status = unless_ended(fs::read_to_string(format!("/proc/{pid}/status")))?;
        let status = status.unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        sum += kib.unwrap_or(0);
    }
    Ok(sum)
}

/// CPU time used so far by one thread of this process.
///
/// # Errors
/// When there is no such thread, or the kernel keeps no `schedstat`.
pub fn thread_time(thread: u32) -> io::Result<Duration> {
    on_cpu(Path::new(&format!("/proc/self/task/{thread}")))
}

/// The first field of `schedstat`: nanoseconds on a processor (Documentation/scheduler/sched-stats.rst).
fn on_cpu(task_entry: &Path) -> io::Result<Duration> {
    let text = fs::read_to_string(task_entry.join("schedstat"))?;
    let nanos = text.split(' ').next().and_then(|field| field.parse().ok());
    let nanos = nanos.ok_or_else(|| io::Error::other("schedstat holds no number"))?;
    Ok(Duration::from_nanos(nanos))
}

/// `process`, its children, theirs, and so on.
fn descendants(process: u32) -> io::Result<Vec<u32>> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let pid = number(&entry.file_name().to_string_lossy())?;
            Some((pid, parent_of(&entry.path())?))
        })
        .collect();

    let mut family = vec![process];
    let mut next = 0;
    while let Some(&member) = family.get(next) {
        next += 1;
        let children = parents.iter().filter(|(_, parent)| *parent == member);
        family.extend(children.map(|(pid, _)| *pid));
    }
    Ok(family)
}

/// The parent's identifier: the second field after the program's name, which alone may hold blanks and
/// brackets (proc_pid_stat(5)).
fn parent_of(proc_entry: &Path) -> Option<u32> {
    let stat = fs::read_to_string(proc_entry.join("stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    number(after_name.split(' ').nth(1)?)
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// The clock that ends the loop is the CPU time itself, so a busy machine cannot fail this.
    #[test]
    fn a_busy_thread_is_seen_as_the_busiest() {
        let this = std::process::id();
        let before = CpuTimes::read(this).unwrap();

        let used = loop {
            std::hint::black_box((0..100_000_u64).fold(0, |a, b| a ^ b));
            let used = CpuTimes::read(this).unwrap().since(&before);
            if used.busiest >= Duration::from_millis(5) {
                break used;
            }
        };

        assert!(used.total >= used.busiest);
    }

    #[test]
    fn threads_that_end_while_they_are_read_are_no_error() {
        let this = std::process::id();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::thread::spawn(|| ()).join().unwrap();
                }
            });
            let read = (0..300).try_for_each(|_| CpuTimes::read(this).map(drop));
            stop.store(true, Ordering::Relaxed);
            read.unwrap();
        });
    }

    #[test]
    fn a_child_process_is_counted_with_its_parent() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();

        let family = descendants(std::process::id()).unwrap();

        let found = family.contains(&child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found, "{} not in {family:?}", child.id());
    }
}
