//! Request targets, and the Location made of them.
#![no_main]

use http::Target;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let Ok(target) = Target::parse(raw) else {
        return;
    };
    let path = target.path();
    assert!(!path.contains(&0));
    assert!(
        path.is_empty()
            || path
                .split(|&byte| byte == b'/')
                .all(|segment| !matches!(segment, b"" | b"." | b".."))
    );

    let location = target.location_with_slash();
    assert!(location.starts_with(b"/"));
    assert!(!matches!(location.get(1), Some(b'/' | b'\\')));
    assert!(location.iter().all(|byte| matches!(byte, 0x21..=0x7e)));
    let followed = Target::parse(&location).unwrap();
    assert_eq!(followed.path(), path);
    assert!(followed.is_directory());
    assert_eq!(followed.location_with_slash(), location);
});
