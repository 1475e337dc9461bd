//! Values of Accept-Encoding, and the choices they lead to.
#![no_main]

use http::{Accepted, Coding, Codings, FieldLines};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let accepted = Accepted::parse(&FieldLines::one(value));
    let sets: Vec<Codings> = (0..8)
        .map(|bits| {
            let members = Coding::BY_PREFERENCE.iter().enumerate();
            members
                .filter(|(place, _)| bits >> place & 1 == 1)
                .fold(Codings::NONE, |set, (_, coding)| set.with(*coding))
        })
        .collect();
    for all in &sets {
        let choice = accepted.choose(*all);
        assert!(all.contains(choice));
        // Nothing is sent encoded that was not asked for.
        let text = String::from_utf8_lossy(value).to_ascii_lowercase();
        assert!(choice == Coding::Identity || text.contains(choice.name()) || text.contains('*'));
        // What else is there does not matter.
        let parts = sets.iter().filter(|part| {
            let is_part = Coding::BY_PREFERENCE
                .iter()
                .all(|coding| all.contains(*coding) || !part.contains(*coding));
            is_part && part.contains(choice)
        });
        for part in parts {
            assert_eq!(accepted.choose(*part), choice);
        }
    }
    // A member that is none changes nothing, wherever it stands.
    let padded = [b"x;q=2,", value, b",;,"].concat();
    assert_eq!(Accepted::parse(&FieldLines::one(&padded)), accepted);
});
