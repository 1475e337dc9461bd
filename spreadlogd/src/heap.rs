//! Memory that is freed and soon asked for again stays with the process.
//!
//! glibc gives the end of its heap back to the system when 128 KiB of it are free. Messages wait for
//! a few milliseconds, a megabyte of them, and are freed together: the system took their pages and
//! had to hand out cleared ones for the next megabyte, which cost as much as a third of all else
//! that was done for a line. Whether it did depended on what happened to lie behind them.

use std::hint::black_box;

/// Lets glibc keep [`KEPT`] bytes that are free, in all threads. Other allocators go on as they did.
///
/// It keeps twice as much as the largest block that was mapped by itself and freed: mallopt(3),
/// `M_MMAP_THRESHOLD`. That is said here without calling `mallopt`, which is not safe Rust's to call.
pub(crate) fn keep_freed() {
    // Or a compiler sees that nobody uses it.
    drop(black_box(Vec::<u8>::with_capacity(KEPT / 2)));
}

/// 4 MiB: what is written at once, as much that comes meanwhile, and as much again.
const KEPT: usize = 4 << 20;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::queue::URGENT_BYTES;

    /// Pages that the system has handed to this thread so far (proc_pid_stat(5): minflt).
    fn faults() -> u64 {
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
        let behind_name = stat.rsplit_once(')').unwrap().1;
        behind_name.split(' ').nth(8).unwrap().parse().unwrap()
    }

    #[test]
    fn messages_that_are_freed_together_leave_their_pages_for_the_next() {
        let message = || black_box(vec![1_u8; 32 << 10]);
        let wait_and_be_freed = || {
            let messages: Vec<_> = (0..URGENT_BYTES >> 15).map(|_| message()).collect();
            drop(black_box(messages));
        };
        keep_freed();
        wait_and_be_freed();
        let before = faults();

        (0..20).for_each(|_| wait_and_be_freed());

        let pages = URGENT_BYTES as u64 >> 12;
        assert!(faults() - before < pages, "they were asked for anew");
    }
}
