//! What does the hub pay for a message, and how does that grow with its size and with those who get it?
//!
//! The figure is CPU time of the hub's thread, and not the time that passes: that would be the clients' time as well.
//! It is the cost of one message from each sender, so "4 to 2" is four messages in and eight out. A real 5.0.1
//! daemon needs some 8 µs for a message, and 1.3 µs more for each KB of its body. Messages go through the real socket and
//! the real client, a window at a time, so that the hub has several to work on at once, as it has under load.

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use benches::cpu::thread_time;
use benches::exchange::{Clients, Shape};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spread::Address;
use spread::hub::{Hub, HubOptions};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Messages on their way at a time: of 32 KiB, what a socket's buffer takes.
const WINDOW: u64 = 4;

/// A hub on a thread of its own.
struct Running {
    thread: u32,
    address: Address,
    stop: oneshot::Sender<()>,
    handle: JoinHandle<()>,
}

impl Running {
    fn start(socket_dir: &Path) -> Result<Self, Failure> {
        let options = HubOptions {
            port: 0,
            socket_dir: Some(socket_dir.to_owned()),
            ..HubOptions::default()
        };
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let handle = std::thread::spawn(move || {
            let Ok(runtime) = runtime() else { return };
            runtime.block_on(async {
                let Ok(hub) = Hub::bind(options).await else {
                    return;
                };
                let thread = rustix::thread::gettid().as_raw_pid().unsigned_abs();
                let path = hub.socket_path().map(Path::to_owned);
                tell.send((thread, path)).ok();
                hub.run(async { drop(stopped.await) }).await;
            });
        });
        let (thread, path) = told.recv()?;
        let address = Address::Path(path.ok_or("the hub has no socket")?);
        Ok(Self {
            thread,
            address,
            stop,
            handle,
        })
    }

    fn stop(self) {
        self.stop.send(()).ok();
        self.handle.join().ok();
    }
}

#[expect(
    clippy::expect_used,
    reason = "a measurement that cannot be made must say so"
)]
fn delivery(c: &mut Criterion) {
    measure(c).expect("the hub serves its clients");
}

fn measure(c: &mut Criterion) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let runtime = runtime()?;
    let mut group = c.benchmark_group("hub, CPU time");
    for (senders, receivers) in [(1, 1), (4, 2), (1, 20)] {
        for body_len in [200, 32 * 1024] {
            let hub = Running::start(directory.path())?;
            let shape = Shape {
                senders,
                receivers,
                body_len,
                window: WINDOW,
            };
            let mut clients = runtime.block_on(Clients::connect(&hub.address, shape))?;
            group.throughput(Throughput::Elements(senders as u64));
            let name = format!("{senders} to {receivers}, {body_len} bytes");
            let mut failed = None;
            group.bench_function(name, |b| {
                b.iter_custom(|iterations| {
                    let before = thread_time(hub.thread).unwrap_or_default();
                    failed = runtime.block_on(clients.exchange(iterations)).err();
                    thread_time(hub.thread).unwrap_or_default() - before
                });
            });
            hub.stop();
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
    }
    group.finish();
    Ok(())
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30);
    targets = delivery
}
criterion_main!(benches);
