//! Output of scripts: any bytes come to a head or to a mistake, the same however they were cut up.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|output: &[u8]| rthttpd::fuzzing::cgi(output));
