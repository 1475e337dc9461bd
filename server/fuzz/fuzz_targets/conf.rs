//! Configuration files: any bytes come to flags or to mistakes with their lines.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| rthttpd::fuzzing::conf(text));
