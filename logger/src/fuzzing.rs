//! The laws of what spreadcat reads, for any bytes: what the fuzz targets call. It is built for them
//! and for tests, and is no part of the library.

use crate::spreadcat::laws;

/// Bytes of standard input, the first of which says where the others are cut: they are the same
/// lines wherever that is, and each is one that may go into a log.
pub fn input(bytes: &[u8]) {
    laws::input(bytes);
}

/// A datagram: its message is an end of it, and whatever is kept makes one line.
pub fn syslog(datagram: &[u8]) {
    laws::syslog(datagram);
}
