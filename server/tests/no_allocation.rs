//! A request served from the cache and logged allocates nothing.
//!
//! An allocator that counts sees all threads of this process: the worker's, and the
//! client's here, which has its buffers beforehand. There is one test in this file
//! so that nobody else allocates meanwhile.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::num::{NonZeroU8, NonZeroU32};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rthttpd::{Config, LogRule, Selection, ThrottleRules, Throttles, VirtualHosts};
use spread_logger::Format;
use support::{Client, PATIENCE, Root, get};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

#[expect(
    unsafe_code,
    reason = "an allocator can be watched from the inside alone"
)]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the contract of `dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract of `realloc`.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Sends `request` a hundred times, and says what was allocated meanwhile.
fn allocations(client: &mut Client, request: &[u8], response: &mut [u8]) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..100 {
        client.exchange(request, response);
    }
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

#[test]
fn a_request_from_the_cache_allocates_nothing() {
    serve_from_the_cache(Format::Combined, |_| ());
    // What is asked of clients allocates nothing either, nor does a proxy's word.
    let network = |text: &str| text.parse().unwrap();
    serve_from_the_cache(Format::Combined, |config| {
        config.encodings.gzip = true;
        let clients = &mut config.clients;
        clients.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        clients.allow = vec![network("192.0.2.0/24"), network("2001:db8::/32")];
        clients.deny = vec![network("192.0.2.0/28")];
        clients.connections_per_address = NonZeroU32::new(9);
        clients.requests_per_address = Some("4000000000/s".parse().unwrap());
        // Nor do throttling rules about other paths.
        let rules = ThrottleRules::parse(b"films/** 1000\n**.iso|*.mpg 1000\n");
        config.throttles = Some(Throttles::new(&rules.unwrap()));
    });
    for format in ["common", "vhost_combined", "json", "logfmt", EVERYTHING] {
        serve_from_the_cache(format.parse().unwrap(), |_| ());
    }
    serve_by_logs(&several(), |_| ());
}

/// Logs with every condition and every way to keep hosts apart.
#[expect(clippy::unwrap_used, reason = "these are what they have to be")]
fn several() -> [LogRule; 3] {
    let buckets = NonZeroU8::new(4).unwrap();
    let all = || LogRule::all(Format::Combined);
    [
        LogRule {
            selection: Selection {
                path: Some("**".parse().unwrap()),
                host: Some("*".parse().unwrap()),
                statuses: Some("!404".parse().unwrap()),
                methods: Some("GET,HEAD".parse().unwrap()),
            },
            ..all()
        },
        LogRule {
            hosts: VirtualHosts::Prefixed,
            ..all()
        },
        LogRule {
            hosts: VirtualHosts::Buckets(buckets),
            ..all()
        },
    ]
}

/// Every directive but those of a thread, which is asked for once.
const EVERYTHING: &str = "%a %{c}a %A %B %b %{a}C %D %{HOME}e %f %h %H %I %k %l %L %m %{a}n %O \
    %p %{local}p %{remote}p %P %q %r %R %s %S %t %{end}t %{%c}t %{end:%T}t %{msec}t %{usec_frac}t \
    %T %{ms}T %u %U %v %V %X \"%{Referer}i\" %{X-Forwarded-For}i %{ETag}o %{Content-Type}o \
    %!404{Host}i";

fn serve_from_the_cache(format: Format, configure: impl FnOnce(&mut Config)) {
    serve_by_logs(&[LogRule::all(format)], configure);
}

fn serve_by_logs(rules: &[LogRule], configure: impl FnOnce(&mut Config)) {
    let root = Root::with(&[("small", &[b's'; 1_000]), ("mid", &[b'm'; 20_000])]);
    root.file("style.css", &[b'p'; 1_000]);
    root.file("style.css.br", &[b'b'; 100]);
    root.file("style.css.gz", &[b'g'; 200]);
    root.file("page.html", &[b'h'; 5_000]);
    root.file("app.js", &[b'a'; 200_000]);
    root.file("app.js.gz", &[b'g'; 20_000]);
    let served = root.serve_by_logs(rules, configure);
    let fields = "Referer: http://test/\r\nUser-Agent: probe\r\n\
        X-Forwarded-For: 192.0.2.77, [2001:db8::1]:4711\r\n";
    let mut client = served.connect();

    for (target, accepted, times) in [
        ("/small", "gzip", 1),
        ("/small", "gzip", 5),
        ("/mid", "gzip", 1),
        ("/style.css", "gzip, deflate, br, zstd", 5),
        ("/style.css", "gzip", 5),
        ("/style.css", "identity", 5),
        ("/style.css", "no;q=0.1, such;q=0.2, coding;q=0.3", 5),
        ("/app.js", "br, gzip;q=0.001", 1),
        ("/page.html", "gzip, deflate", 5),
    ] {
        let fields = format!("{fields}Accept-Encoding: {accepted}\r\n");
        let request = get(target).replace("\r\n\r\n", &format!("\r\n{fields}\r\n"));
        client.send(&request);
        let first = client.response();
        let request = request.repeat(times);
        let mut response = vec![0; times * (first.head.len() + first.content.len())];

        // A file that has just been written is read again until it has settled, which
        // allocates; from then on nothing does.
        let begun = Instant::now();
        while allocations(&mut client, request.as_bytes(), &mut response) > 0 {
            assert!(
                begun.elapsed() < PATIENCE,
                "{target} as {accepted}, {times} at a time"
            );
        }
    }

    drop(client);
    assert!(served.lines().len() > 700);
}
