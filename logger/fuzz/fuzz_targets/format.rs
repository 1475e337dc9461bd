//! Any text as a format, and any bytes as what a client sends: one record is one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spread_logger::format::{Formatter, UtcOffset};
use spread_logger::{Details, FieldSection, Format, Record};

fuzz_target!(|bytes: &[u8]| {
    let nul = bytes.iter().position(|&byte| byte == 0);
    let (text, sent) = bytes.split_at(nul.unwrap_or(bytes.len()));
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    let format = match text.parse::<Format>() {
        Ok(format) => format,
        Err(error) => {
            assert!(text.is_char_boundary(error.at));
            return assert!(error.to_string().lines().count() <= 1);
        }
    };
    assert_eq!(format.to_string().parse().as_ref(), Ok(&format));

    let details = Details {
        micros: u32::from(*sent.last().unwrap_or(&0)),
        host: Some(sent),
        named_host: Some(sent),
        file: Some(sent),
        log_id: Some(sent),
        request_fields: FieldSection::new(sent),
        response_fields: FieldSection::new(sent),
        ..Details::default()
    };
    let record = Record {
        user: Some(sent),
        time: sent.len() as u64,
        request_line: sent,
        status: 404,
        referer: Some(sent),
        user_agent: Some(sent),
        details: Some(&details),
        ..Record::default()
    };
    let mut line = Vec::new();
    let mut formatter = Formatter::new(&format, sent.len());
    formatter.write(&record, UtcOffset::default, &mut line);
    assert!(line.len() <= formatter.line_len_max());
    assert_eq!(
        line.iter().position(|&byte| byte == b'\n'),
        Some(line.len() - 1)
    );
});
