//! The words of `--log`: any text is refused, or comes to logs that go somewhere.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| rthttpd::fuzzing::log(text));
