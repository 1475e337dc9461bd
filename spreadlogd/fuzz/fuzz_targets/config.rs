//! Configurations: any bytes are answered, and what is accepted can be written down and read back.
#![no_main]

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use libfuzzer_sys::fuzz_target;
use spreadlogd::Config;

fuzz_target!(|text: &[u8]| {
    match Config::parse(text, "spreadlogd.conf") {
        Ok(config) => {
            assert!(!config.spreads().is_empty());
            assert_shown(&config.warnings().render(false));
            let _ = config.warnings().render(true);
            if let Some(text) = written(&config) {
                let again = Config::parse(text.as_bytes(), "again").unwrap();
                assert_eq!(written(&again).unwrap(), text);
            }
        }
        Err(errors) => {
            let mut start = 0;
            for finding in errors.problems() {
                assert!(finding.span.start <= finding.span.end && finding.span.end <= text.len());
                assert!(start <= finding.span.start, "not in the order of the file");
                start = finding.span.start;
            }
            let text = errors.render(false);
            assert!(text.starts_with("error: ") && text.contains("--> spreadlogd.conf:"));
            assert_shown(&text);
            let _ = errors.render(true);
        }
    }
});

/// Nothing of the file gives orders to the operator's terminal.
fn assert_shown(text: &str) {
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}

/// The groups and files of a configuration; `None` when a File is none of one name that fits into quotes.
fn written(config: &Config) -> Option<String> {
    let mut text = String::new();
    for spread in config.spreads() {
        writeln!(text, "Spread {{\nPort = \"{}\"", spread.addresses()).unwrap();
        for log in spread.logs() {
            let file = log.destination()?.fixed()?;
            let file = std::str::from_utf8(file.as_os_str().as_bytes()).ok()?.replace('%', "%%");
            let quote = ['"', '\''].into_iter().find(|&quote| !file.contains(quote))?;
            writeln!(text, "Log {{ Group = '{}' File = {quote}{file}{quote} }}", log.group()).ok()?;
        }
        text.push_str("}\n");
    }
    Some(text)
}
