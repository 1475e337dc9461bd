//! Bytes of standard input: wherever they are cut they are the same lines, each of them one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spread_logger::fuzzing::input;

fuzz_target!(|bytes: &[u8]| input(bytes));
