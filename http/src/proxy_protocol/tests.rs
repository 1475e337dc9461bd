//! Headers as proxies send them, and the laws of reading them.

use core::net::SocketAddr;

use proptest::prelude::*;

use super::*;

/// What a proxy says.
#[derive(Clone, Copy, Debug)]
enum Said {
    Local,
    Unknown,
    Tcp(SocketAddr, SocketAddr),
    Unix,
}

impl Said {
    fn source(self) -> Source {
        match self {
            Self::Local | Self::Unknown => Source::Peer,
            Self::Tcp(source, _) => Source::Address(source.ip().to_canonical()),
            Self::Unix => Source::Unix,
        }
    }

    /// The line of version 1, which can say less.
    fn encode_v1(self) -> Option<Vec<u8>> {
        let line = match self {
            Self::Local | Self::Unix => return None,
            Self::Unknown => "PROXY UNKNOWN\r\n".to_owned(),
            Self::Tcp(source, destination) => {
                let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
                let (from, to) = (source.ip(), destination.ip());
                let (from_port, to_port) = (source.port(), destination.port());
                format!("PROXY {family} {from} {to} {from_port} {to_port}\r\n")
            }
        };
        Some(line.into_bytes())
    }

    fn encode_v2(self, further: &[u8]) -> Vec<u8> {
        let (command, family, mut block) = match self {
            Self::Local => (0x20, 0x00, Vec::new()),
            Self::Unknown => (0x21, 0x00, Vec::new()),
            Self::Unix => (0x21, 0x31, vec![b'/'; 216]),
            Self::Tcp(SocketAddr::V4(source), SocketAddr::V4(destination)) => {
                let addresses = [source.ip().octets(), destination.ip().octets()];
                let ports = [source.port(), destination.port()].map(u16::to_be_bytes);
                (0x21, 0x11, [addresses.concat(), ports.concat()].concat())
            }
            Self::Tcp(SocketAddr::V6(source), SocketAddr::V6(destination)) => {
                let addresses = [source.ip().octets(), destination.ip().octets()];
                let ports = [source.port(), destination.port()].map(u16::to_be_bytes);
                (0x21, 0x21, [addresses.concat(), ports.concat()].concat())
            }
            Self::Tcp(..) => panic!("both are of one family"),
        };
        block.extend_from_slice(further);
        let len = u16::try_from(block.len()).unwrap().to_be_bytes();
        [v2::SIGNATURE, &[command, family], &len, &block].concat()
    }
}

fn said() -> impl Strategy<Value = Said> {
    let v4 = any::<(std::net::SocketAddrV4, std::net::SocketAddrV4)>();
    let v6 = any::<([u8; 16], [u8; 16], u16, u16)>();
    let mapped = any::<(Ipv4, u16)>();
    prop_oneof![
        Just(Said::Local),
        Just(Said::Unknown),
        Just(Said::Unix),
        v4.prop_map(|(from, to)| Said::Tcp(from.into(), to.into())),
        v6.prop_map(|(from, to, from_port, to_port)| {
            Said::Tcp((from, from_port).into(), (to, to_port).into())
        }),
        mapped.prop_map(|(address, port)| {
            let address = SocketAddr::from((address.to_ipv6_mapped(), port));
            Said::Tcp(address, address)
        }),
    ]
}

type Ipv4 = core::net::Ipv4Addr;

#[test]
fn the_headers_of_proxies_are_read() {
    let address = |text: &str| Source::Address(text.parse().unwrap());
    let cases: &[(&[u8], Source)] = &[
        (
            b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
            address("192.0.2.7"),
        ),
        (
            b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            address("255.255.255.255"),
        ),
        (
            b"PROXY TCP6 2001:db8::7 ::1 0 80\r\n",
            address("2001:db8::7"),
        ),
        (
            b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 80\r\n",
            address("192.0.2.7"),
        ),
        (b"PROXY UNKNOWN\r\n", Source::Peer),
        (
            b"PROXY UNKNOWN ffff:f...f:ffff \xff 65535\r\n",
            Source::Peer,
        ),
        // LOCAL, whose family means nothing.
        (b"\r\n\r\n\0\r\nQUIT\n\x20\xff\0\x02xx", Source::Peer),
        // Of UDP, as a proxy of HTTP/3 may say.
        (
            b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c\xc0\0\x02\x07\0\0\0\0\0\0\0\0",
            address("192.0.2.7"),
        ),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x10\0\0", Source::Peer),
    ];
    for (bytes, source) in cases {
        let expected = Header {
            len: bytes.len(),
            source: *source,
        };
        assert_eq!(
            decode(bytes),
            Ok(Some(expected)),
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn what_is_no_header_is_refused() {
    let v2 = |rest: &[u8]| [v2::SIGNATURE, rest].concat();
    let line = |expected| Reject::Line { expected };
    let long = [&b"PROXY UNKNOWN "[..], &[b'x'; 200]].concat();
    let cases: &[(&[u8], Reject)] = &[
        (b"GET / HTTP/1.1\r\n", Reject::NoHeader),
        (b"PRI * HTTP/2.0\r\n", Reject::NoHeader),
        (b"proxy tcp4", Reject::NoHeader),
        (b"\r\nPROXY", Reject::NoHeader),
        (b"PROXY UNKNOWN\n", line("CR LF")),
        (b"PROXY UNKNOWNS\r\n", line("TCP4, TCP6 or UNKNOWN")),
        (
            b"PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n",
            line("TCP4, TCP6 or UNKNOWN"),
        ),
        (
            b"PROXY TCP4 01.2.3.4 1.2.3.4 1 1\r\n",
            line("source address"),
        ),
        (b"PROXY TCP4 ::1 ::1 1 1\r\n", line("source address")),
        (
            b"PROXY TCP4 1.2.3.4 ::1 1 1\r\n",
            line("destination address"),
        ),
        (b"PROXY TCP6 1.2.3.4 ::1 1 1\r\n", line("source address")),
        (
            b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n",
            line("source port"),
        ),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n", line("source port")),
        (
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 01\r\n",
            line("destination port"),
        ),
        (
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
            line("destination port"),
        ),
        (
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n",
            line("end behind the ports"),
        ),
        (b"PROXY TCP4 \xff 1.2.3.4 1 1\r\n", line("address")),
        (&long, Reject::LineTooLong),
        (&v2(b"\x11"), Reject::Version { version: 1 }),
        (&v2(b"\x22"), Reject::Command { command: 2 }),
        (&v2(b"\x21\x41"), Reject::Family { family: 0x41 }),
        (&v2(b"\x21\x13"), Reject::Family { family: 0x13 }),
        (&v2(b"\x21\x11\0\x0b"), Reject::TooShort { len: 11 }),
        (&v2(b"\x21\x21\0\x23"), Reject::TooShort { len: 35 }),
        (&v2(b"\x21\x31\0\xd7"), Reject::TooShort { len: 215 }),
        (&v2(b"\x20\0\x10\x01"), Reject::TooLong { len: 4097 }),
    ];
    for (bytes, reject) in cases {
        assert_eq!(decode(bytes), Err(*reject), "{}", bytes.escape_ascii());
    }
}

proptest! {
    #[test]
    fn what_a_proxy_says_is_read_back(said in said(), further: Vec<u8>, behind: Vec<u8>) {
        let v2 = Some(said.encode_v2(&further[..further.len().min(1000)]));
        for header in [said.encode_v1(), v2].into_iter().flatten() {
            let expected = Header { len: header.len(), source: said.source() };
            let bytes = [&header[..], &behind].concat();

            prop_assert_eq!(decode(&bytes), Ok(Some(expected)));
            for received in 0..header.len() {
                prop_assert_eq!(decode(&bytes[..received]), Ok(None), "after {} bytes", received);
            }
        }
    }

    /// Whatever the bytes are, the first answer that is not "not yet" is the last.
    #[test]
    fn an_answer_does_not_change_with_what_comes_behind(
        version in 0..3_usize,
        rest in proptest::collection::vec(prop_oneof![
            any::<u8>(),
            proptest::sample::select(&b"0123456789.: \r\nTCP46UNKOW\x20\x21\x11\x31\0"[..]),
        ], 0..200),
    ) {
        let begins = [&b""[..], v1::PREFIX, v2::SIGNATURE][version];
        let bytes = [begins, &rest].concat();
        let mut answer = Ok(None);
        for received in 0..=bytes.len() {
            let now = decode(&bytes[..received]);
            if answer != Ok(None) {
                prop_assert_eq!(now, answer, "after {} bytes", received);
            }
            if let Ok(Some(header)) = now {
                prop_assert!(header.len <= received);
            }
            answer = now;
        }
    }
}
