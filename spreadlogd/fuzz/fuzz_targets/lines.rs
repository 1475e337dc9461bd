//! What is read of a line: as it was written, whatever the format.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| spreadlogd::fuzzing::lines(bytes));
