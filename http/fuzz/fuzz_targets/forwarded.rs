//! Forwarded and X-Forwarded-For: whatever a client sends, the hop a proxy adds behind it counts.
#![no_main]

use std::net::IpAddr;

use http::{FieldLines, forwarded};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sent: &[u8]| {
    let address = IpAddr::from([192, 0, 2, 1]);
    let hops_max = sent.len() + 1;
    let lines = FieldLines::one(sent);
    assert!(forwarded::forwarded(&lines).count() <= hops_max);
    assert!(forwarded::x_forwarded_for(&lines).count() <= hops_max);

    let list = [sent, b", for=\"192.0.2.1:80\";host=\"\\\",\""].concat();
    let mut hops = forwarded::forwarded(&FieldLines::one(&list));
    assert_eq!(hops.next(), Some(Some(address)));
    assert!(hops.count() <= hops_max);

    let list = [sent, b", 192.0.2.1:80"].concat();
    let mut hops = forwarded::x_forwarded_for(&FieldLines::one(&list));
    assert_eq!(hops.next(), Some(Some(address)));
    assert!(hops.count() <= hops_max);
});
