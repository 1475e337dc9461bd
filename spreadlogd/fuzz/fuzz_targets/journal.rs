//! A journal, as it is or with right checksums put to its pieces: what is whole in it reads back,
//! and repeating it gives books that add up, whatever the files turn out to be.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| spreadlogd::fuzzing::journal(bytes));
