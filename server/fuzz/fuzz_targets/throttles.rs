//! Throttle files: any bytes come to rules that can be met, or to a mistake with its line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rthttpd::ThrottleRules;

fuzz_target!(|file: &[u8]| match ThrottleRules::parse(file) {
    Ok(rules) => {
        for rule in rules.iter() {
            let max = rule.max.get();
            assert!(rule.min <= max);
            assert!(rule.burst.get() >= max / 100);
            // It is read back from what it says.
            let written = format!("{} {}-{max} burst={}", rule.pattern, rule.min, rule.burst);
            let read = ThrottleRules::parse(written.as_bytes()).unwrap();
            assert!(read.iter().eq([rule]));
        }
    }
    Err(error) => {
        let lines = file.split(|byte| *byte == b'\n').count();
        assert!((1..=lines).contains(&error.line));
        for said in [error.to_string(), error.source.to_string()] {
            assert!(!said.contains(char::is_control));
        }
    }
});
