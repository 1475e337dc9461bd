//! What do the pure parts of one exchange cost: reading the head, cleaning the target, choosing and writing the answer?
//!
//! Together they are the server's own work on a request; the rest of its few microseconds is the kernel's. `head`
//! shows how the cost grows with the head, and that a head still incomplete is not read over and over at full
//! price. `whole exchange` is the sum as the server has it, for a small file from its cache.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::response::{Connection, Lines, Prepared};
use http::{
    Accepted, Coding, Codings, ETag, FieldLines, KnownFields, Limits, Representation, Request,
    Selection, Target, date,
};

/// As the load generator of side-by-side sends it.
const SMALL: &[u8] = b"GET /1k.txt HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: side-by-side/0.1.0\r\nAccept: */*\r\n\r\n";

/// As a browser sends it.
const BROWSER: &[u8] = b"GET /assets/style.css?v=17 HTTP/1.1\r\n\
Host: www.farm.example\r\n\
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
Accept: text/css,*/*;q=0.1\r\n\
Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Referer: http://www.farm.example/articles/one-access-log/\r\n\
Connection: keep-alive\r\n\
Cookie: theme=dark; seen=1795360443; session=0123456789abcdef0123456789abcdef\r\n\
Sec-Fetch-Dest: style\r\n\
Sec-Fetch-Mode: no-cors\r\n\
Sec-Fetch-Site: same-origin\r\n\
If-None-Match: \"6745f1c3075bcd15-400\"\r\n\
If-Modified-Since: Sat, 21 Nov 2026 10:00:00 GMT\r\n\
Priority: u=2\r\n\r\n";

/// The second the answers are written in.
const NOW: i64 = 1_795_360_443;

fn head(c: &mut Criterion) {
    let limits = Limits::default();
    let pipelined = SMALL.repeat(16);
    let cut = BROWSER
        .split_last_chunk::<2>()
        .map_or(BROWSER, |(cut, _)| cut);
    let mut group = c.benchmark_group("head");
    for (name, bytes) in [
        ("small", SMALL),
        ("browser", BROWSER),
        ("browser, not whole yet", cut),
    ] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| Request::parse(black_box(bytes), &limits).is_ok());
        });
    }
    for (name, bytes) in [("small, known", SMALL), ("browser, known", BROWSER)] {
        let mut known = KnownFields::default();
        group.bench_function(name, |b| {
            b.iter(|| Request::parse_knowing(black_box(bytes), &limits, &mut known).is_ok());
        });
    }
    // What remembering costs where it does not help.
    let mut known = KnownFields::default();
    let session = b"session=";
    let found = BROWSER
        .windows(session.len())
        .position(|part| part == session);
    let cookie = found.unwrap_or_default() + session.len();
    let mut changing = BROWSER.to_vec();
    group.bench_function("browser, another each time", |b| {
        b.iter(|| {
            change(&mut changing, cookie);
            Request::parse_knowing(black_box(&changing), &limits, &mut known).is_ok()
        });
    });
    let mut changing = BROWSER.to_vec();
    group.bench_function("browser, another each time, none known", |b| {
        b.iter(|| {
            change(&mut changing, cookie);
            Request::parse(black_box(&changing), &limits).is_ok()
        });
    });
    group.throughput(Throughput::Elements(16));
    group.bench_function("16 pipelined", |b| {
        b.iter(|| parse_all(black_box(&pipelined), &limits));
    });
    group.finish();
}

/// Makes it the head of another client, by its cookie.
fn change(head: &mut [u8], at: usize) {
    if let Some(digit) = head.get_mut(at) {
        *digit ^= 1;
    }
}

/// Reads one head after the other, as a connection does with what one `recv` brought.
fn parse_all(mut bytes: &[u8], limits: &Limits) -> usize {
    let mut heads = 0;
    while let Ok(Some(request)) = Request::parse(bytes, limits) {
        heads += 1;
        bytes = bytes.get(request.head_len..).unwrap_or_default();
    }
    heads
}

fn target(c: &mut Criterion) {
    let cases: [(&str, &[u8]); 4] = [
        ("clean", b"/assets/style.css?v=17"),
        (
            "deep",
            b"/2026/11/21/articles/one-access-log/images/figure-1.svg",
        ),
        (
            "escaped",
            b"/downloads/Gr%C3%BC%C3%9Fe%20aus%20der%20Farm.txt",
        ),
        ("with dots", b"/articles/./one/../two//index.html"),
    ];
    let mut group = c.benchmark_group("target");
    for (name, raw) in cases {
        group.bench_function(name, |b| b.iter(|| Target::parse(black_box(raw)).is_ok()));
    }
    group.finish();
}

/// What a file that has encodings costs more than one that has none.
fn encoding(c: &mut Criterion) {
    let available = Codings::NONE.with(Coding::Brotli).with(Coding::Gzip);
    let cases: [(&str, &[u8]); 3] = [
        ("browser", b"gzip, deflate, br, zstd"),
        ("weights", b"br;q=0.8, gzip;q=1.0, identity; q=0.5, *;q=0"),
        ("one", b"gzip"),
    ];
    let mut group = c.benchmark_group("encoding");
    for (name, value) in cases {
        group.bench_function(name, |b| {
            b.iter(|| Accepted::parse(&FieldLines::one(black_box(value))).choose(available));
        });
    }
    group.finish();
}

fn answer(c: &mut Criterion) {
    let representation = Representation {
        content_type: "text/css; charset=utf-8",
        len: 1024,
        etag: ETag::new(NOW - 1000, 123_456_789, 1024),
        modified: NOW - 1000,
        coding: Coding::Identity,
        varies: false,
    };
    let mut lines = Lines::default();
    lines.push("Server", "rthttpd");
    let prepared = Prepared::new(&representation, &Selection::Whole, &lines);
    let limits = Limits::default();
    let today = date::format(NOW);
    let content = [b'x'; 1024];
    let mut out = Vec::with_capacity(4096);

    let mut group = c.benchmark_group("answer");
    group.bench_function("select, no condition", |b| {
        select(b, &representation, SMALL, &limits);
    });
    group.bench_function("select, two conditions", |b| {
        select(b, &representation, BROWSER, &limits);
    });
    group.bench_function("write a prepared head", |b| {
        b.iter(|| {
            out.clear();
            prepared.write(&mut out, black_box(&today), Connection::Persistent);
        });
    });
    for (name, bytes) in [
        ("whole exchange, small", SMALL),
        ("whole exchange, browser", BROWSER),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                let Ok(Some(request)) = Request::parse(black_box(bytes), &limits) else {
                    return false;
                };
                let target = Target::parse(request.target);
                black_box(representation.select(&request, NOW));
                prepared.write(&mut out, &today, Connection::of(&request));
                out.extend_from_slice(&content);
                target.is_ok()
            });
        });
    }
    group.bench_function("date", |b| b.iter(|| date::format(black_box(NOW))));
    group.finish();
}

fn select(
    b: &mut criterion::Bencher<'_>,
    representation: &Representation<'_>,
    bytes: &[u8],
    limits: &Limits,
) {
    if let Ok(Some(request)) = Request::parse(bytes, limits) {
        b.iter(|| representation.select(black_box(&request), NOW));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = head, target, encoding, answer
}
criterion_main!(benches);
