//! What waits for company, in whatever order it comes, and what is kept of its memory.

use proptest::prelude::*;

use super::*;

/// The lines of a sender without numbers in group `of`, or a message of a stream.
fn lines(text: &str, (of, number): (u16, u64)) -> Lines {
    let mut lines = Lines::of_stranger(Bytes::from(text.to_owned()));
    lines.origin.source.block = of;
    lines.origin.number = number;
    lines.origin.files = 3;
    lines.origin.whole = Some((50, 500));
    lines
}

/// What each file gets, and what the journal has of it.
fn taken(company: &mut Company, together: &mut Together) -> Vec<(usize, Vec<u8>, Vec<Entry>)> {
    company.take(together);
    let of = |share: &Share| {
        let mut entries = Vec::new();
        together.entries(share, &mut entries);
        let bytes: Vec<&[u8]> = together.pieces(share).collect();
        let messages = together.messages(share, &entries);
        let bodies: Vec<Bytes> = messages.iter().map(|lines| lines.body.clone()).collect();
        assert_eq!(bodies.concat(), bytes.concat());
        assert_eq!(
            messages.iter().map(Lines::entry).collect::<Vec<_>>(),
            entries
        );
        (share.file, bytes.concat(), entries)
    };
    together.shares().iter().map(of).collect()
}

#[test]
fn the_journal_has_a_sum_of_what_has_no_number_and_each_message_else() {
    let (mut company, mut together) = (Company::default(), Together::default());
    let now = Instant::now();
    let strangers = lines("", (0, 0)).origin.source;
    let tagged = Tagged {
        source: strangers,
        tag: 0,
    };

    let mut cost = company.add_line(7, tagged, b"a\n", now);
    cost += company.add_line(7, tagged, b"b\n", now);
    for piece in [
        lines("c", (0, 0)),
        lines("d\n", (1, 0)),
        lines("e\nf", (0, 5)),
        lines("g\n", (0, 6)),
    ] {
        cost += company.add_piece(7, &piece, now);
    }
    let taken = taken(&mut company, &mut together);

    let [(7, bytes, entries)] = taken.as_slice() else {
        panic!("{taken:?}");
    };
    assert_eq!(bytes, b"a\nb\nc\nd\ne\nf\ng\n");
    let amounts: Vec<_> = entries
        .iter()
        .map(|e| {
            (
                e.source.block,
                e.number,
                e.lines,
                e.len,
                e.message_lines,
                e.message_len,
            )
        })
        .collect();
    let expected = [
        (0, 0, 3, 6, 3, 6),
        (1, 0, 1, 2, 1, 2),
        (0, 5, 2, 4, 50, 500),
        (0, 6, 1, 2, 50, 500),
    ];
    assert_eq!(amounts, expected);
    assert_eq!(
        (together.cost(), company.held(), company.since()),
        (cost, 0, None)
    );
}

/// What a crash tears of it is looked through whole.
#[test]
fn what_has_no_number_is_in_sums_of_some_size() {
    let (mut company, mut together) = (Company::default(), Together::default());
    let of = Tagged {
        source: lines("", (0, 0)).origin.source,
        tag: 0,
    };
    let line = [b"x".repeat(999), b"\n".to_vec()].concat();
    for _ in 0..1_000 {
        company.add_line(3, of, &line, Instant::now());
    }

    let taken = taken(&mut company, &mut together);

    let (_, bytes, entries) = &taken[0];
    assert_eq!(bytes.len(), 1_000_000);
    assert!(entries.iter().all(|entry| entry.len < SUM_MAX + 1_000));
    assert!(entries.len() < 20, "{}", entries.len());
    assert_eq!(entries.iter().map(|entry| entry.lines).sum::<u32>(), 1_000);
}

/// Bytes that are kept for what is to come.
fn kept(company: &Company, together: &Together) -> usize {
    let heaps = [&company.heap, &together.heap].map(|heap| {
        heap.bytes.capacity()
            + heap.pieces.capacity() * size_of::<Piece>()
            + heap.origins.capacity() * size_of::<Origin>()
    });
    let placed = together.placed.capacity() * size_of::<Placed>();
    heaps.iter().sum::<usize>() + placed + together.shares.capacity() * size_of::<Share>()
}

/// What a peak took is kept while lines come, and as long as they may come again soon.
#[test]
fn the_memory_of_a_peak_is_given_back_in_quiet_times() {
    let (mut company, mut together) = (Company::default(), Together::default());
    let mut pass = |company: &mut Company, messages: u64| {
        for (number, file) in (0..messages).zip((0..999).cycle()) {
            company.add_piece(file, &lines("a line\n", (0, number)), Instant::now());
        }
        company.take(&mut together);
        company.give_back(&mut together);
        kept(company, &together)
    };
    let peak = pass(&mut company, 100_000);
    assert!(peak > 10 << 20, "{peak}");
    assert!(pass(&mut company, 10) > peak / 2);

    company.rest(&mut together);
    assert!(kept(&company, &together) > peak / 2, "lines came just now");
    company.rest(&mut together);
    let left = kept(&company, &together);
    assert!(left < 512 << 10, "{left}");

    company.add_piece(1, &lines("a line\n", (0, 1)), Instant::now());
    company.rest(&mut together);
    assert_eq!(taken(&mut company, &mut together)[0].1, b"a line\n");
}

proptest! {
    /// Whatever comes in whatever order, and however often it is taken, each file has its
    /// pieces in the order they came.
    #[test]
    fn each_file_gets_its_own_in_order(
        pieces in prop::collection::vec((0_usize..6, "[a-z]{0,5}", 0_u64..3), 0..80),
        taken_after in 1_usize..40,
    ) {
        let (mut company, mut together) = (Company::default(), Together::default());
        let now = Instant::now();
        let mut expected = vec![Vec::new(); 6];
        let mut written = vec![Vec::new(); 6];
        for some in pieces.chunks(taken_after) {
            let mut cost = 0;
            for (file, text, number) in some {
                let piece = lines(&format!("{text}\n"), (0, *number));
                cost += company.add_piece(*file, &piece, now);
                prop_assert!(company.has(*file));
                expected[*file].extend_from_slice(&piece.body);
            }
            let files = company.files();
            let taken = taken(&mut company, &mut together);
            prop_assert_eq!(taken.len(), files);
            prop_assert_eq!(together.cost(), cost);
            for (file, bytes, entries) in taken {
                let len: usize = entries.iter().map(|entry| entry.len as usize).sum();
                prop_assert_eq!(len, bytes.len());
                written[file].extend_from_slice(&bytes);
                prop_assert!(!company.has(file));
            }
            company.give_back(&mut together);
        }
        prop_assert_eq!(written, expected);
    }
}
