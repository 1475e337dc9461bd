//! What does the Spread protocol itself cost, in front of and behind the sockets?
//!
//! A publisher sends some fifty messages of 32 KiB a second, and a logging host takes those of the whole farm, so a
//! microsecond each would do. The original's way, a message for each line, is what makes the codec worth its care:
//! there a frame costs about as much as its line. `encode` copies no body and so should not grow with it; neither should
//! `decode`, which takes it out of the receive buffer as it is.

use std::hint::black_box;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use spread::wire::{
    Cause, Delivery, GroupId, Layout, Limits, Membership, Message, Request, Service,
};
use spread::{Name, PrivateGroup};

const SENDER: &[u8] = b"#Lq8w3kd0xA#web1";

/// One line, a publisher's message, and the largest that a 5.0.1 daemon survives.
const BODIES: [usize; 3] = [200, 32 * 1024, 143_000];

/// Of deliveries: a group may have any number of members.
const LIMITS: Limits = Limits {
    groups_max: 1000,
    bytes_max: 1 << 20,
};

fn name(text: &[u8]) -> Name {
    let mut field = [0; Name::FIELD_LEN];
    for (byte, from) in field.iter_mut().zip(text) {
        *byte = *from;
    }
    Name::from_field(&field)
}

/// As a publisher addresses it: the group and the message's number.
fn message(body_len: usize) -> Message {
    Message {
        service: Service::Agreed,
        self_discard: false,
        sender: name(SENDER),
        groups: vec![name(b"access_log"), name(b"+1795360443")],
        mess_type: 0,
        foreign_endian: false,
        body: Bytes::from(vec![b'x'; body_len]),
    }
}

fn membership(members: usize) -> Delivery {
    let members: Vec<Name> = (0..members)
        .map(|number| name(format!("#L{number:08}a#web1").as_bytes()))
        .collect();
    Delivery::Membership(Membership {
        group: name(b"access_log"),
        cause: Cause::Join,
        vs_sets: vec![members.iter().copied().take(1).collect()],
        members,
        id: GroupId {
            proc_id: 0x0a00_0001,
            time: 1_795_360_443,
            index: 17,
        },
        own_set: 0,
    })
}

/// Whole, as it comes out of a socket.
fn frame(delivery: &Delivery) -> BytesMut {
    let frame = delivery.encode();
    let mut buffer = BytesMut::from(&frame.head[..]);
    buffer.extend_from_slice(&frame.body);
    buffer
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    let Ok(sender) = PrivateGroup::new(SENDER) else {
        return;
    };
    for body_len in BODIES {
        let request = Request::Multicast(message(body_len));
        group.throughput(Throughput::Bytes(body_len as u64));
        group.bench_function(format!("message of {body_len} bytes"), |b| {
            b.iter(|| black_box(&request).encode(sender));
        });
    }
    let membership = membership(300);
    group.throughput(Throughput::Elements(1));
    group.bench_function("membership of 300", |b| {
        b.iter(|| black_box(&membership).encode());
    });
    group.finish();
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for body_len in BODIES {
        let bytes = frame(&Delivery::Message(message(body_len)));
        group.throughput(Throughput::Bytes(body_len as u64));
        group.bench_function(format!("message of {body_len} bytes"), |b| {
            decode_one(b, &bytes);
        });
    }
    group.throughput(Throughput::Elements(1));
    let bytes = frame(&membership(300));
    group.bench_function("membership of 300", |b| decode_one(b, &bytes));

    let bytes: Vec<u8> = frame(&Delivery::Message(message(200))).repeat(100);
    group.throughput(Throughput::Elements(100));
    group.bench_function("100 messages of 200 bytes from one buffer", |b| {
        b.iter_batched(
            || BytesMut::from(&bytes[..]),
            |mut buffer| decode_all(&mut buffer),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn decode_one(b: &mut criterion::Bencher<'_>, bytes: &BytesMut) {
    assert_eq!(decode_all(&mut bytes.clone()), 1, "a refusal is faster");
    b.iter_batched(
        || bytes.clone(),
        |mut buffer| Delivery::decode(&mut buffer, Layout::default(), &LIMITS),
        BatchSize::SmallInput,
    );
}

fn decode_all(buffer: &mut BytesMut) -> usize {
    let mut messages = 0;
    while let Ok(Some(message)) = Delivery::decode(buffer, Layout::default(), &LIMITS) {
        black_box(message);
        messages += 1;
    }
    messages
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = encode, decode
}
criterion_main!(benches);
