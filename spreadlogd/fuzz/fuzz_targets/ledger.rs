//! The image of a ledger: any bytes are answered, what is accepted can be written and read back,
//! and its books add up.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| spreadlogd::fuzzing::image(text));
