//! What clients might send: requests with all kinds of content, mostly good, and where the
//! network cuts them.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use proptest::sample::{Index, select};

/// Several requests on one connection, with a wrong byte here and there.
pub(crate) fn connections() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop_oneof![any::<u8>(), select(b"\r\n :;,=\t\0/0123aA".as_slice())];
    let place = (any::<Index>(), 0..3u8, bytes);
    let noise = prop_oneof![5 => Just(Vec::new()), 1 => prop::collection::vec(place, 1..3)];
    (prop::collection::vec(request(), 1..6), noise).prop_map(|(requests, noise)| {
        let mut bytes = requests.concat().into_bytes();
        for (at, how, byte) in noise {
            let at = at.index(bytes.len());
            match how {
                0 => drop(bytes.splice(at..=at, [byte])),
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

/// Where `bytes` are cut.
pub(crate) fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        pieces.extend(bytes.get(start..cut));
        start = cut;
    }
    pieces
}

fn request() -> impl Strategy<Value = String> {
    let line = select(&[
        "GET / HTTP/1.1",
        "POST /a HTTP/1.1",
        "GET /b?c HTTP/1.0",
        "OPTIONS * HTTP/1.1",
        "GET http://x:1/d HTTP/1.1",
        "PUT /e HTTP/1.7",
        "HEAD /f HTTP/1.1",
        "DELETE /g HTTP/1.1",
    ]);
    let host = prop_oneof![30 => Just("Host: a\r\n"), 1 => select(&["", "Host: :8\r\n"])];
    let fields = prop_oneof![
        20 => Just(""),
        10 => select(&["Accept: b\r\n", "A:\r\n", "Connection: keep-alive\r\n"]),
        1 => select(&[
            "A : b\r\n",
            "A: b\r\n c\r\n",
            "Host: b\r\n",
            "A: b\n",
            "\n",
            "Content-Length: 3\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Connection: a ,CLOSE\r\n",
        ]),
    ];
    let empty_lines = prop_oneof![9 => Just(""), 1 => Just("\r\n"), 1 => Just("\r\n\r\n")];
    (empty_lines, line, host, fields, content()).prop_map(
        |(empty_lines, line, host, fields, content)| {
            format!("{empty_lines}{line}\r\n{host}{fields}{content}")
        },
    )
}

/// The fields that frame a content, the end of the head, and the content.
fn content() -> impl Strategy<Value = String> {
    let data = || {
        prop_oneof![
            "[a-z\r\n]{0,20}",
            select(&["GET /x HTTP/1.1\r\n\r\n", "\r\n0\r\n\r\n", "0\r\n\r\nGET"])
                .prop_map(str::to_owned),
        ]
    };
    let length = data().prop_map(|data| format!("Content-Length: {}\r\n\r\n{data}", data.len()));
    let chunks = (
        select(&["Transfer-Encoding: chunked", "transfer-encoding:CHUNKED "]),
        prop::collection::vec(chunk(data()), 0..4),
        last_chunk(),
    );
    let chunks = chunks
        .prop_map(|(field, chunks, last)| format!("{field}\r\n\r\n{}{last}", chunks.concat()));
    let wrong = select(&[
        "Content-Length: 41\r\n\r\n",
        "Content-Length: 3,3\r\n\r\nabc",
        "Content-Length: +3\r\n\r\nabc",
        "Content-Length: 3\r\ncontent-length: 3\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n29\r\n",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]);
    prop_oneof![
        16 => Just("\r\n".to_owned()),
        12 => length,
        24 => chunks,
        1 => wrong.prop_map(str::to_owned),
    ]
}

fn chunk(data: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let size = (any::<bool>(), 0..3usize, -1..60i8);
    (data, size, extension(), line_end(), line_end()).prop_filter_map(
        "the last chunk is another",
        |(data, (upper, zeros, mistake), extension, after_size, after_data)| {
            if data.is_empty() {
                return None;
            }
            // Sometimes one too few or one too many.
            let len = match mistake {
                -1 => data.len() - 1,
                0 => data.len() + 1,
                _ => data.len(),
            };
            let digits = if upper {
                format!("{len:X}")
            } else {
                format!("{len:x}")
            };
            let zeros = "0".repeat(zeros);
            Some(format!(
                "{zeros}{digits}{extension}{after_size}{data}{after_data}"
            ))
        },
    )
}

fn last_chunk() -> impl Strategy<Value = String> {
    let trailers = prop_oneof![
        40 => Just(""),
        15 => select(&[
            "A: b\r\n",
            "Content-Length: 9\r\nHost: b\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Connection: close\r\n",
        ]),
        1 => select(&["A : b\r\n", "A: b\r\n c\r\n", "A: b\n", "A\r\n", ": b\r\n"]),
    ];
    let zeros =
        prop_oneof![30 => Just("0"), 5 => Just("000"), 1 => select(&["", "00000000000000000"])];
    (zeros, extension(), line_end(), trailers, line_end()).prop_map(
        |(zeros, extension, after_size, trailers, end)| {
            format!("{zeros}{extension}{after_size}{trailers}{end}")
        },
    )
}

fn extension() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        40 => Just(""),
        15 => select(&[";a", ";a=b", " ; a = b;c", ";a=\"b c\"", "\t;a"]),
        1 => select(&[" ", ";", ";;a", ";a=", ";a b", ";a=\"", "h", ";a=\"b\"c"]),
    ]
}

fn line_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![200 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("")]
}
