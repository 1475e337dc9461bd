//! Who listens on a port or a path, as far as the system lets us see.
//!
//! `/proc/net/tcp` has the inode of each listening socket, and `/proc/PID/fd` of the
//! processes we may look into has theirs; a socket in the file system tells whoever
//! connects. Nothing depends on the answer: it makes one error message better.

use std::fs;
use std::os::fd::AsFd;

use rustix::net::sockopt::socket_peercred;

/// The state of a listening socket in `/proc/net/tcp` (`TCP_LISTEN`).
const LISTENING: &str = "0A";

/// The name and pid of a process that listens on `port`.
pub(super) fn of_port(port: u16) -> Option<String> {
    let inodes: Vec<_> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let pids = fs::read_dir("/proc").ok()?.filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse::<u32>().ok()
    });
    for pid in pids {
        if holds(pid, &inodes) {
            return named(pid);
        }
    }
    None
}

/// The name and pid of the process that listens where `caller` has connected to.
pub(super) fn of_peer(caller: impl AsFd) -> Option<String> {
    let pid = socket_peercred(caller).ok()?.pid.as_raw_nonzero();
    named(pid.get().try_into().ok()?)
}

fn named(pid: u32) -> Option<String> {
    if pid == std::process::id() {
        return Some(format!("another listener of this process (pid {pid})"));
    }
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(format!("{} (pid {pid})", name.trim_end()))
}

fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    let at_port = format!(":{port:04X}");
    table
        .lines()
        .filter_map(|line| {
            let mut columns = line.split_ascii_whitespace();
            let local = columns.nth(1)?;
            let state = columns.nth(1)?;
            let inode = columns.nth(5)?;
            (local.ends_with(&at_port) && state == LISTENING).then(|| inode.to_owned())
        })
        .collect()
}

fn holds(pid: u32, sockets: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .any(|target| {
            sockets
                .iter()
                .any(|socket| target.as_os_str() == socket.as_str())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of each kind, as Linux 6.18 writes them.
    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:D2A4 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
";

    #[test]
    fn the_table_gives_the_inodes_of_listening_sockets() {
        assert_eq!(listening_inodes(TABLE, 8080), ["4711"]);
        assert_eq!(listening_inodes(TABLE, 80), ["4713"]);
        assert!(listening_inodes(TABLE, 443).is_empty());
    }
}
