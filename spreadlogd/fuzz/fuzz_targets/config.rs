//! Configurations: any bytes are answered, and what is accepted can be written down and read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spreadlogd::Config;
use spreadlogd::fuzzing::written;

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
