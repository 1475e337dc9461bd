//! What does a request pay for its line in the access log, and the publisher for taking it?
//!
//! A request for 1 KB costs a few microseconds of CPU; the log may cost it one hundredth of that, some 50 ns.
//! `log` is all that a worker does: format the line, copy it into the ring. `drain` is the other end, on another
//! thread in the programs; per line it is hardly more than a copy. `parse` reads a line back, off every request's path.
//! `format` is what each named format and two of one's own cost beside Combined, once what they tell has been gathered.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spread_logger::{Details, Drain, FieldSection, Format, Log, Record, RingOptions, ring};

const BROWSER: &[u8] = b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// Fewer lines than make a ring half full, so that no line is dropped and nobody is woken.
const LINES: u64 = 1000;

/// A browser's request for a page's style, 242 bytes as a line.
fn browser() -> Record<'static> {
    Record {
        client: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 57))),
        user: None,
        time: 1_795_360_443,
        request_line: b"GET /assets/style.css?v=17 HTTP/1.1",
        status: 200,
        bytes: 1024,
        referer: Some(b"http://farm.example/articles/one-access-log/"),
        user_agent: Some(BROWSER),
        details: None,
    }
}

/// What a server knows of it beside.
fn details() -> Details<'static> {
    Details {
        micros: 123_456,
        duration: Duration::from_micros(87),
        peer: Some(SocketAddr::from(([203, 0, 113, 57], 51_234))),
        local: Some(SocketAddr::from(([192, 0, 2, 1], 443))),
        host: Some(b"farm.example"),
        port: Some(443),
        received: 612,
        sent: 1_301,
        requests_before: 7,
        request_fields: FieldSection::new(HEAD),
        ..Details::default()
    }
}

/// What a browser sends, as far as its lines have to be looked through.
const HEAD: &[u8] = b"Host: farm.example\r\n\
    User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
    Accept: text/css,*/*;q=0.1\r\nAccept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Connection: keep-alive\r\nReferer: http://farm.example/articles/one-access-log/\r\nCookie: a=1; session=0123456789abcdef\r\n\
    Sec-Fetch-Dest: style\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: same-origin\r\nX-Request-Id: 7f3c1e52\r\n\r\n";

/// As nginx's users like it: Combined, the time it took, a field, a cookie.
const WITH_FIELDS: &str =
    r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D "%{X-Request-Id}i" %{session}C"#;

/// Combined, but for one letter; so it is written by steps.
const BY_STEPS: &str = r#"%h %l %u %t "%r" %>s %B "%{Referer}i" "%{User-Agent}i""#;

fn format(c: &mut Criterion) {
    let mut group = c.benchmark_group("format");
    group.throughput(Throughput::Elements(1));
    let details = details();
    let record = Record {
        details: Some(&details),
        ..browser()
    };
    let hostile = Record {
        details: Some(&details),
        ..hostile()
    };
    let names = ["common", "combined", "vhost_combined", "json", "logfmt"];
    let named = names.map(|name| (name, name, record));
    let cases = [
        ("combined, by steps", BY_STEPS, record),
        ("one's own, with fields", WITH_FIELDS, record),
        ("json, all escaped", "json", hostile),
    ];
    for (name, text, record) in named.into_iter().chain(cases) {
        let Ok(format) = text.parse() else {
            continue;
        };
        let (mut log, mut drain) = ring_of(format);
        group.bench_function(name, |b| {
            b.iter_custom(|iterations| timed_log(&mut log, &mut drain, &record, iterations));
        });
    }
    group.finish();
}

/// Every field asks for escapes.
fn hostile() -> Record<'static> {
    Record {
        request_line: b"GET /\x1b[31m\"\\\xc3\xbc HTTP/1.1",
        referer: Some(b"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""),
        user_agent: Some(b"\x00\x01\x02\xff\xfe\xfd \n\r\t\x0b agent"),
        ..browser()
    }
}

fn log(c: &mut Criterion) {
    let mut group = c.benchmark_group("log");
    group.throughput(Throughput::Elements(1));
    let cases = [
        ("combined, a browser", Format::Combined, browser()),
        ("common, a browser", Format::Common, browser()),
        ("combined, all escaped", Format::Combined, hostile()),
    ];
    for (name, format, record) in cases {
        let (mut log, mut drain) = ring_of(format);
        group.bench_function(name, |b| {
            b.iter_custom(|iterations| timed_log(&mut log, &mut drain, &record, iterations));
        });
    }
    // Each second's first line writes the time anew.
    let (mut log, mut drain) = ring_of(Format::Combined);
    let mut record = browser();
    group.bench_function("combined, a new second each", |b| {
        b.iter(|| {
            record.time += 1;
            log.log(black_box(&record));
            drain.drain(|lines| {
                black_box(lines);
            });
        });
    });
    group.finish();
}

fn drain(c: &mut Criterion) {
    let mut group = c.benchmark_group("drain");
    group.throughput(Throughput::Elements(LINES));
    let (mut log, mut drain) = ring_of(Format::Combined);
    let mut batch = Vec::with_capacity(1 << 20);
    group.bench_function("1000 lines at once", |b| {
        b.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            for _ in 0..iterations {
                fill(&mut log, LINES);
                batch.clear();
                let started = Instant::now();
                drain.drain(|lines| batch.extend_from_slice(lines));
                spent += started.elapsed();
                black_box(&batch);
            }
            spent
        });
    });
    group.finish();
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Elements(1));
    let (mut log, mut drain) = ring_of(Format::Combined);
    log.log(&browser());
    let mut line = Vec::new();
    drain.drain(|bytes| line.extend_from_slice(bytes));
    group.bench_function("combined, a browser", |b| {
        b.iter(|| Format::Combined.parse(black_box(&line)));
    });
    group.finish();
}

fn ring_of(format: Format) -> (Log, Drain) {
    ring(&RingOptions {
        format,
        ..RingOptions::default()
    })
}

fn fill(log: &mut Log, lines: u64) {
    let record = browser();
    for _ in 0..lines {
        log.log(black_box(&record));
    }
}

/// The time of the worker's side alone: the ring is emptied between the batches, off the clock.
fn timed_log(log: &mut Log, drain: &mut Drain, record: &Record<'_>, iterations: u64) -> Duration {
    let mut spent = Duration::ZERO;
    let mut left = iterations;
    while left > 0 {
        let batch = left.min(LINES);
        let started = Instant::now();
        for _ in 0..batch {
            log.log(black_box(record));
        }
        spent += started.elapsed();
        drain.drain(|lines| {
            black_box(lines);
        });
        left -= batch;
    }
    spent
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = log, format, drain, parse
}
criterion_main!(benches);
