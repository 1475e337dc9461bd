//! Any line, as one of each named format: what was read is written, and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spread_logger::format::{Extent, Formatter, LINE_LEN_MAX, UtcOffset};
use spread_logger::{Format, Record};

fuzz_target!(|line: &[u8]| {
    for format in [
        Format::Common,
        Format::Combined,
        Format::VhostCombined,
        Format::Json,
        Format::Logfmt,
    ] {
        let Ok(mut read) = format.parse(line) else {
            continue;
        };
        let details = read.details();
        let record = Record {
            details: Some(&details),
            ..read.as_record()
        };
        let mut again = Vec::new();
        let mut formatter = Formatter::new(&format, LINE_LEN_MAX);
        let extent = formatter.write(&record, UtcOffset::default, &mut again);
        if extent == Extent::Whole {
            let again = format.parse(&again);
            // It is written whether it was there or not.
            if matches!(format, Format::Json | Format::Logfmt) {
                read.duration.get_or_insert_default();
            }
            assert_eq!(again, Ok(read));
        }
    }
});
