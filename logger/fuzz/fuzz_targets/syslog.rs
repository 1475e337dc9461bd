//! Syslog datagrams: of any bytes the message is an end, and what goes into a log is one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spread_logger::fuzzing::syslog;

fuzz_target!(|datagram: &[u8]| syslog(datagram));
