//! The window against the plainest model there is: a list of who was where and when.

use proptest::prelude::*;

use super::*;

const SMALL: Limits = Limits {
    visitors: 8,
    pages: 4,
};

/// Who, where, when: the newest last.
#[derive(Debug, Default)]
struct Model {
    last_hits: Vec<(u64, Vec<u8>, Duration)>,
    crowded_out: u64,
}

impl Model {
    fn hit(&mut self, limits: Limits, id: u64, url: &[u8], now: Duration) {
        self.cull(now);
        self.last_hits.retain(|hit| hit.0 != id);
        if self.last_hits.len() >= limits.visitors {
            self.last_hits.remove(0);
            self.crowded_out += 1;
        }
        let pages: Vec<_> = self.pages();
        if pages.len() >= limits.pages && !pages.iter().any(|page| page == url) {
            // The page not hit for the longest. Whoever left it for another hit it too, so its
            // newest visitor may not tell: here nobody does, see `moves`.
            let oldest = pages
                .iter()
                .min_by_key(|page| self.last_hits.iter().rposition(|hit| &hit.1 == *page))
                .cloned();
            let before = self.last_hits.len();
            self.last_hits.retain(|hit| Some(&hit.1) != oldest.as_ref());
            self.crowded_out += (before - self.last_hits.len()) as u64;
        }
        self.last_hits.push((id, url.to_vec(), now));
    }

    fn cull(&mut self, now: Duration) {
        self.last_hits.retain(|hit| now - hit.2 <= WINDOW);
    }

    fn pages(&self) -> Vec<Vec<u8>> {
        let mut pages: Vec<_> = self.last_hits.iter().map(|hit| hit.1.clone()).collect();
        pages.sort();
        pages.dedup();
        pages
    }

    fn on(&self, url: &[u8], now: Duration) -> Vec<Seen> {
        let hits = self.last_hits.iter().rev();
        hits.filter(|hit| hit.1 == url)
            .map(|hit| Seen {
                id: hit.0,
                age: now - hit.2,
            })
            .collect()
    }
}

fn check(window: &Window, model: &Model, now: Duration) {
    assert_eq!(window.visitors(), model.last_hits.len());
    let pages = model.pages();
    assert_eq!(window.pages(), pages.len());
    let mut top: Vec<(Vec<u8>, u32)> = Vec::new();
    for page in pages {
        let expected = model.on(&page, now);
        let count = u32::try_from(expected.len()).unwrap();
        assert_eq!(window.on(&page, usize::MAX), (count, expected));
        top.push((page, count));
    }
    top.sort_by_key(|(url, count)| (Reverse(*count), url.clone()));
    for max in [0, 1, 3, usize::MAX] {
        let expected = top.iter().take(max).map(|(url, count)| (&**url, *count));
        assert!(window.top(max).into_iter().eq(expected), "top {max}");
    }
    assert_eq!(window.on(b"nowhere", 30), (0, Vec::new()));
}

/// Steps of a visitor, a page, and seconds since the last step.
fn moves(visitors: u64, pages: u8) -> impl Strategy<Value = Vec<(u64, u8, u64)>> {
    let seconds = prop_oneof![4 => 0_u64..300, 1 => 300_u64..2_500];
    proptest::collection::vec((0..visitors, 0..pages, seconds), 0..200)
}

proptest! {
    #[test]
    fn it_agrees_with_a_list_of_last_hits(moves in moves(12, 6)) {
        let (mut window, mut model) = (Window::default(), Model::default());
        let mut now = Duration::ZERO;
        for (id, page, later) in moves {
            now += Duration::from_secs(later);
            let url = [b'/', page];
            window.hit(id, &url, now);
            model.hit(window.limits, id, &url, now);

            check(&window, &model, now);
        }
        now += WINDOW;
        window.cull(now);
        model.cull(now);
        check(&window, &model, now);
        prop_assert_eq!(window.crowded_out(), 0);
    }

    /// With more visitors than there is room for. Each has a page of its own for life, so that
    /// the page that was not hit for the longest is also the one whose newest visitor is oldest.
    #[test]
    fn the_oldest_leave_where_there_is_no_room(moves in moves(24, 1)) {
        let (mut window, mut model) = (Window::with(SMALL), Model::default());
        let mut now = Duration::ZERO;
        for (id, _, later) in moves {
            now += Duration::from_secs(later);
            let url = [b'/', u8::try_from(id % 7).unwrap()];
            window.hit(id, &url, now);
            model.hit(SMALL, id, &url, now);

            check(&window, &model, now);
            prop_assert_eq!(window.crowded_out(), model.crowded_out);
        }
    }

    /// Whatever comes, and whatever the clock does.
    #[test]
    fn memory_stays_within_the_limits(
        hits in proptest::collection::vec(
            (any::<u64>(), proptest::collection::vec(any::<u8>(), 0..4), any::<u32>()),
            0..400,
        ),
    ) {
        let mut window = Window::with(SMALL);
        for (id, url, now) in hits {
            window.hit(id % 40, &url, Duration::from_millis(now.into()));

            prop_assert!((1..=SMALL.visitors).contains(&window.visitors()));
            prop_assert!((1..=SMALL.pages).contains(&window.pages()));
            prop_assert!(window.visitors.len() <= SMALL.visitors);
            prop_assert!(window.pages.len() <= SMALL.pages);
            let all = window.top(usize::MAX);
            let sum: u32 = all.iter().map(|page| page.1).sum();
            prop_assert_eq!(sum as usize, window.visitors());
        }
    }
}

/// A long URL is cut where it is kept and where it is asked for.
#[test]
fn a_long_url_is_found_though_it_is_cut() {
    let mut window = Window::default();
    let url = vec![b'a'; 100_000];
    window.hit(7, &url, Duration::ZERO);

    assert_eq!(window.top(1), [(&url[..URL_BYTES_MAX], 1)]);
    assert_eq!(window.on(&url, 30).0, 1);
}

#[test]
fn a_visitor_stays_for_half_an_hour_and_no_longer() {
    let mut window = Window::default();
    window.hit(1, b"/", Duration::ZERO);

    window.cull(WINDOW);
    assert_eq!(window.visitors(), 1);

    window.cull(WINDOW + Duration::from_millis(1));
    assert_eq!(window.visitors(), 0);
    assert_eq!(window.pages(), 0);
}
