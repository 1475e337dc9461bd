//! What a Log does with lines: one line becomes one or none, and no host leaves its directory.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| spreadlogd::fuzzing::steps(bytes));
