//! Hops by the examples of RFC 7239 and by what proxies send, and the laws of the list.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use super::{client, forwarded, x_forwarded_for};
use crate::{FieldLines, Limits, Request};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The hops of one line, as text; `-` for one without an address.
fn shown(hops: impl Iterator<Item = Option<IpAddr>>) -> String {
    let hops: Vec<_> = hops
        .map(|hop| hop.map_or_else(|| "-".into(), |address| address.to_string()))
        .collect();
    hops.join(" ")
}

#[test]
fn the_last_hop_of_x_forwarded_for_comes_first() {
    const CASES: &[(&str, &str)] = &[
        ("", ""),
        (",, ,", ""),
        ("192.0.2.1", "192.0.2.1"),
        ("198.51.100.9, 192.0.2.1", "192.0.2.1 198.51.100.9"),
        ("198.51.100.9,192.0.2.1,", "192.0.2.1 198.51.100.9"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:1", "192.0.2.1"),
        ("a, 192.0.2.1", "192.0.2.1 -"),
        ("unknown", "-"),
        ("_x", "-"),
        ("unix:", "-"),
        ("192.0.2.01", "-"),
        ("192.0.2", "-"),
        ("192.0.2.1:", "-"),
        ("192.0.2.1:65536", "-"),
        ("192.0.2.1:000080", "-"),
        ("192.0.2.1:+8", "-"),
        ("192.0.2.1 198.51.100.9", "-"),
        ("\"192.0.2.1\"", "-"),
        ("fe80::1%eth0", "-"),
        ("[fe80::1", "-"),
        ("[192.0.2.1]", "-"),
        ("[2001:db8::1]4711", "-"),
    ];
    for (value, hops) in CASES {
        let lines = FieldLines::one(value.as_bytes());
        assert_eq!(shown(x_forwarded_for(&lines)), *hops, "{value:?}");
    }
}

#[test]
fn the_last_hop_of_forwarded_comes_first() {
    const CASES: &[(&str, &str)] = &[
        // RFC 7239 sections 4 and 7.1.
        ("for=\"_gazonk\"", "-"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        (
            "for=192.0.2.43, for=198.51.100.17",
            "198.51.100.17 192.0.2.43",
        ),
        (
            "for=192.0.2.43, for=\"[2001:db8:cafe::17]\"",
            "2001:db8:cafe::17 192.0.2.43",
        ),
        ("for=_hidden, for=_SEVKISEK", "- -"),
        ("for=unknown", "-"),
        ("for=\"192.0.2.43:47011\"", "192.0.2.43"),
        ("for=\"192.0.2.43:_p.-1\"", "192.0.2.43"),
        // The rest of the grammar.
        ("", ""),
        (", ,", ""),
        ("proto=http", "-"),
        (";;for=192.0.2.1;;", "192.0.2.1"),
        ("FOR=192.0.2.1", "192.0.2.1"),
        ("proto=http ; for=192.0.2.1", "192.0.2.1"),
        ("for=\"192.\\0.2.1\"", "192.0.2.1"),
        ("host=\"a,b;for=9.9.9.9\";for=192.0.2.1", "192.0.2.1"),
        ("for=192.0.2.1;host=\"\\\", for=9.9.9.9\"", "192.0.2.1"),
        ("for=192.0.2.1;host=\"\\\\\"", "192.0.2.1"),
        ("for=192.0.2.1:80", "192.0.2.1"),
        ("for=\"[::ffff:192.0.2.1]\"", "192.0.2.1"),
        // What is none.
        ("192.0.2.1", "-"),
        ("for=", "-"),
        ("for=\"\"", "-"),
        ("for", "-"),
        ("=192.0.2.1", "-"),
        ("for =192.0.2.1", "-"),
        ("for= 192.0.2.1", "-"),
        ("for=192.0.2.1 for=192.0.2.2", "-"),
        ("for=192.0.2.1;for=192.0.2.1", "-"),
        ("for=192.0.2.1;proto", "-"),
        ("for=192.0.2.1;host=\"a", "-"),
        ("for=[2001:db8::1]", "-"),
        ("for=\"2001:db8::1\"", "-"),
        ("for=\"192.0.2.1:_\"", "-"),
        ("for=\"192.0.2.1\"x", "-"),
        ("x\"for=192.0.2.1\"", "-"),
    ];
    for (value, hops) in CASES {
        let lines = FieldLines::one(value.as_bytes());
        assert_eq!(shown(forwarded(&lines)), *hops, "{value:?}");
    }
}

/// A client that leaves a quote open hides nothing of what the proxy behind it adds.
#[test]
fn what_a_client_begins_does_not_swallow_the_proxys_hop() {
    for begun in ["for=\"", "for=\"\\", "\"", "for=1.1.1.1;host=\"", "\\"] {
        for added in ["for=192.0.2.1", "for=\"192.0.2.1:1\";host=\"a,\\\"b\""] {
            let value = format!("{begun}, {added}");
            let lines = FieldLines::one(value.as_bytes());
            assert_eq!(
                forwarded(&lines).next(),
                Some(Some(ip("192.0.2.1"))),
                "{value}"
            );
        }
    }
}

#[test]
fn the_client_is_the_last_hop_that_is_not_trusted() {
    const CASES: &[(&str, &str)] = &[
        ("", "10.0.0.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("192.0.2.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("192.0.2.1, unknown", "10.0.0.1"),
    ];
    let is_trusted = |address| matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10);
    for (value, expected) in CASES {
        let lines = FieldLines::one(value.as_bytes());
        let found = client(Some(ip("10.0.0.1")), x_forwarded_for(&lines), is_trusted);
        assert_eq!(found, Some(ip(expected)), "{value:?}");
    }
    assert_eq!(client(None, core::iter::empty(), is_trusted), None);
}

fn address() -> impl Strategy<Value = IpAddr> {
    let any_address = prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
    ];
    any_address.prop_map(|address| address.to_canonical())
}

/// A hop, written as a proxy might: with or without a port.
fn written(address: IpAddr, port: Option<u16>) -> String {
    match (address, port) {
        (IpAddr::V4(v4), None) => v4.to_string(),
        (IpAddr::V4(v4), Some(port)) => format!("{v4}:{port}"),
        (IpAddr::V6(v6), None) => format!("[{v6}]"),
        (IpAddr::V6(v6), Some(port)) => format!("[{v6}]:{port}"),
    }
}

/// Members, each with whether a line ends after it, as field lines among others.
fn head(name: &str, members: &[(String, bool)]) -> String {
    let mut head = String::from("GET / HTTP/1.1\r\nHost: a\r\n");
    let lines = members.split_inclusive(|(_, ends_line)| *ends_line);
    for line in lines {
        let values: Vec<_> = line.iter().map(|(member, _)| member.as_str()).collect();
        head += &format!("{name}: {}\r\nX-Other: 1.1.1.1\r\n", values.join(", "));
    }
    head + "\r\n"
}

fn hops() -> impl Strategy<Value = Vec<(IpAddr, Option<u16>, bool)>> {
    let hop = (address(), any::<Option<u16>>(), any::<bool>());
    prop::collection::vec(hop, 0..8)
}

proptest! {
    /// What proxies write is what is read, from the right, over however many lines.
    #[test]
    fn hops_are_read_back_as_they_were_written(hops in hops(), host in "[ -~]{0,12}") {
        let expected: Vec<_> = hops.iter().rev().map(|hop| Some(hop.0)).collect();
        let plain: Vec<_> = hops.iter().map(|(address, port, ends_line)| {
            (written(*address, *port), *ends_line)
        }).collect();
        let host = host.replace('\\', "\\\\").replace('"', "\\\"");
        let quoted: Vec<_> = plain.iter().map(|(hop, ends_line)| {
            (format!("proto=http;For=\"{hop}\";host=\"{host}\""), *ends_line)
        }).collect();

        let head_plain = head("x-forwarded-FOR", &plain);
        let head_quoted = head("Forwarded", &quoted);
        for (head, is_standard) in [(head_plain, false), (head_quoted, true)] {
            let request = Request::parse(head.as_bytes(), &Limits::default()).unwrap().unwrap();
            let found: Vec<_> = if is_standard {
                forwarded(&request.fields.forwarded()).collect()
            } else {
                x_forwarded_for(&request.fields.x_forwarded_for()).collect()
            };
            prop_assert_eq!(&found, &expected, "{}", head);
        }
    }

    /// No bytes panic, and none change what stands right of them.
    #[test]
    fn bytes_before_a_hop_do_not_change_it(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(prop::sample::select(&b"\",;=\\[]:for.1_ \t"[..]), 0..40),
        ],
        port in prop_oneof![Just(None), any::<u16>().prop_map(Some)],
        address in address(),
    ) {
        let hop = written(address, port);
        let list = [&bytes[..], b",", hop.as_bytes()].concat();
        let mut hops = x_forwarded_for(&FieldLines::one(&list));
        prop_assert_eq!(hops.next(), Some(Some(address)));
        prop_assert!(hops.count() <= bytes.len());

        let element = format!("for=\"{hop}\"");
        let list = [&bytes[..], b",", element.as_bytes()].concat();
        let mut hops = forwarded(&FieldLines::one(&list));
        prop_assert_eq!(hops.next(), Some(Some(address)));
        prop_assert!(hops.count() <= bytes.len());
    }
}
