//! Datagrams that the kernel has dropped, as the socket's buffer was full: `/proc/net/udp`.
//!
//! Nobody else tells of them: UDP does not, and the sender cannot know.

use std::fs;
use std::os::fd::AsFd;

use rustix::fs::fstat;

/// How many datagrams the UDP socket has lost until now, where that is to be known.
pub(super) fn drops(socket: impl AsFd) -> Option<u64> {
    let inode = fstat(socket).ok()?.st_ino;
    TABLES.iter().find_map(|table| {
        let table = fs::read_to_string(table).ok()?;
        in_table(&table, inode)
    })
}

const TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];

/// Each row has the inode as its tenth field, and the drops as its thirteenth.
fn in_table(table: &str, inode: u64) -> Option<u64> {
    table.lines().skip(1).find_map(|row| {
        let mut fields = row.split_ascii_whitespace().skip(9);
        let is_it = fields.next()?.parse() == Ok(inode);
        let drops = fields.nth(2)?.parse().ok();
        drops.filter(|_| is_it)
    })
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn a_sockets_row_is_found_by_its_inode() {
        const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 3153: 0100007F:1451 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 26721 2 000000001 7
 3155: 0100007F:1453 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 26722 2 000000001 0
";
        assert_eq!(in_table(TABLE, 26_721), Some(7));
        assert_eq!(in_table(TABLE, 26_722), Some(0));
        assert_eq!(in_table(TABLE, 2), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_found_no_room_is_known() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = socket.local_addr().unwrap();
        assert_eq!(drops(&socket), Some(0));

        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..1000 {
            sender.send_to(&[0; 10_000], to).unwrap();
        }

        assert!(drops(&socket) > Some(0));
    }
}
