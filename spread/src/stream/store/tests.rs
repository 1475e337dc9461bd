//! The laws of the store under any schedule of pushes, writes, disconnects and overflow.

use proptest::prelude::*;

use super::*;

fn body(len: usize) -> Bytes {
    Bytes::from(vec![b'x'; len])
}

/// Hands everything over and has the daemon take it: the numbers, in the order of the wire.
fn write_all(store: &mut Store) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some((number, _)) = store.peek() {
        numbers.push(number.get());
        store.handed_over();
    }
    store.written(numbers.len());
    numbers
}

#[test]
fn the_oldest_is_pushed_out_and_its_number_never_used_again() {
    let mut store = Store::new(2 * (10 + Store::<Bytes>::FRAME_OVERHEAD));

    for lines in 1..=3 {
        store.push(body(10), 10, lines);
    }

    assert_eq!(store.books().lost.lines, 1);
    assert_eq!(store.books().waiting.lines, 2 + 3);
    assert_eq!(write_all(&mut store), [2, 3]);
    assert_eq!(store.push(body(10), 10, 1).get(), 4);
}

/// Whether one in flight is lost is known only when the connection has ended.
#[test]
fn what_is_pushed_out_half_written_is_lost_only_if_it_was_not_taken() {
    for is_taken in [true, false] {
        let mut store = Store::new(2 * (10 + Store::<Bytes>::FRAME_OVERHEAD));
        store.push(body(10), 10, 1);
        store.push(body(10), 10, 1);
        store.handed_over();

        store.push(body(10), 10, 1);
        assert_eq!(store.books().lost.messages, 0);
        assert_eq!(store.books().waiting.messages, 3);
        store.written(usize::from(is_taken));
        store.disconnected();

        assert_eq!(store.books().written.messages, u64::from(is_taken));
        assert_eq!(store.books().lost.messages, u64::from(!is_taken));
        assert_eq!(write_all(&mut store), [2, 3]);
    }
}

#[test]
fn what_was_written_can_be_sent_again_until_it_is_released() {
    let number = |number| Number::new(number).unwrap();
    let mut store = Store::new(1000);
    for len in 1..=3 {
        store.push(body(len), len, 1);
    }
    assert_eq!(store.find(number(1)), None, "it is still to come");
    store.handed_over();
    store.handed_over();
    store.written(1);

    assert_eq!(store.find(number(1)), Some(&body(1)));
    assert_eq!(store.find(number(2)), Some(&body(2)));
    assert_eq!(store.find(number(3)), None);
    assert_eq!(store.next_on_wire(), number(3));
    assert_eq!(store.on_wire().bytes, 3);
    store.release(u64::MAX);
    assert_eq!(
        store.retained(),
        number(2),
        "the second may not have arrived"
    );
    assert_eq!(store.find(number(1)), None);
    assert_eq!(store.books().waiting.messages, 2);
}

#[test]
fn a_message_larger_than_the_store_is_lost_and_counted() {
    let mut store = Store::new(100);

    store.push(body(1000), 1000, 7);

    assert!(store.is_written());
    assert_eq!(store.books().lost.lines, 7);
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize, u64),
    HandOver,
    Written(usize),
    Disconnect,
    Release(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_usize..300, 0_u64..9).prop_map(|(len, lines)| Step::Push(len, lines)),
        3 => Just(Step::HandOver),
        2 => (0_usize..4).prop_map(Step::Written),
        1 => Just(Step::Disconnect),
        1 => (0_u64..200).prop_map(Step::Release),
    ];
    proptest::collection::vec(step, 0..300)
}

proptest! {
    #[test]
    fn every_line_is_written_lost_or_waiting(bytes_max in 0_usize..3000, steps in steps()) {
        let mut store = Store::new(bytes_max);
        let (mut pushed, mut lines, mut bytes) = (0, 0, 0);
        let mut handed_over = Vec::new();
        let mut written = Vec::new();

        for step in steps {
            match step {
                Step::Push(len, count) => {
                    pushed += 1;
                    lines += count;
                    bytes += u64::try_from(len).unwrap();
                    prop_assert_eq!(store.push(body(len), len, count).get(), pushed, "no hole, no repeat");
                }
                Step::HandOver => {
                    let next = store.peek().map(|(number, _)| number.get());
                    store.handed_over();
                    handed_over.extend(next);
                }
                Step::Written(count) => {
                    store.written(count);
                    written.extend(handed_over.drain(..count.min(handed_over.len())));
                }
                Step::Disconnect => {
                    store.disconnected();
                    handed_over.clear();
                }
                Step::Release(number) => store.release(number),
            }
            let books = store.books();
            prop_assert_eq!(books.written.lines + books.lost.lines + books.waiting.lines, lines);
            prop_assert_eq!(books.written.bytes + books.lost.bytes + books.waiting.bytes, bytes);
            prop_assert_eq!(
                books.written.messages + books.lost.messages + books.waiting.messages,
                pushed
            );
            prop_assert!(store.kept.iter().map(Sealed::frame_len).sum::<usize>() <= bytes_max);
            let kept = store.kept.iter().map(|sealed| sealed.number.get());
            prop_assert!(kept.eq(store.retained().get()..=pushed), "one unbroken run");
            let kept_lines = store.kept.iter().map(|sealed| sealed.lines).sum::<u64>();
            prop_assert_eq!(store.kept_lines(), kept_lines);
            let told = store.on_wire().messages + books.lost.messages;
            prop_assert_eq!(told, store.next_on_wire().get() - 1, "what a control says adds up");
            prop_assert!(handed_over.is_sorted_by(|a, b| a < b), "in order on one connection");
        }
        store.disconnected();
        written.extend(write_all(&mut store));

        prop_assert!(written.is_sorted_by(|a, b| a < b), "each taken once, in order");
        prop_assert_eq!(u64::try_from(written.len()).unwrap(), store.books().written.messages);
    }
}
