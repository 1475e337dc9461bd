//! Who was here in the last half hour, and on which page last: a value that is given hits and the
//! time.
//!
//! ```text
//! by time   oldest <-> … <-> newest            every visitor, once: who is here
//! by page   newest <-> … <-> oldest            the visitors whose last hit is this page
//! by use    longest not hit <-> … <-> hit last every page that has a visitor
//! ```
//!
//! All three are linked lists through two slabs, with a table each from a visitor's number and
//! from a URL: a hit costs the same whether there are ten visitors or a hundred thousand. A
//! visitor leaves once for each time that it came, so culling costs no hit more than a constant in
//! the long run.
//!
//! Memory is bounded by [`VISITORS_MAX`], [`PAGES_MAX`] and [`URL_BYTES_MAX`]. Past them the
//! oldest leave before their time, and are counted. There is no clock here: the time is handed
//! in, and one that goes back stands still.

mod list;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use list::{Links, List, NONE, Slab};

/// 30 minutes: the original's window (`online.c: MAX_AGE`).
pub(crate) const WINDOW: Duration = Duration::from_secs(30 * 60);

/// 262,144 visitors in half an hour: more than a farm that one logging host keeps up with has, and
/// some 25 MiB.
const VISITORS_MAX: usize = 1 << 18;

/// 65,536 pages that are somebody's last: with their URLs 32 MiB at the worst.
const PAGES_MAX: usize = 1 << 16;

/// 512 bytes: no page that people are shown has a longer URL. What is longer is cut, here and in
/// what is asked for, so that it is found all the same.
const URL_BYTES_MAX: usize = 512;

/// The window and everybody in it.
#[derive(Debug)]
pub(crate) struct Window {
    limits: Limits,
    now: Duration,
    visitors: Slab<Visitor>,
    by_id: HashMap<u64, u32>,
    by_time: List,
    pages: Slab<Page>,
    by_url: HashMap<Arc<[u8]>, u32>,
    by_use: List,
    crowded_out: u64,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
struct Limits {
    visitors: usize,
    pages: usize,
}

/// Somebody, and the last hit.
#[derive(Debug)]
struct Visitor {
    id: u64,
    seen: Duration,
    page: u32,
    in_time: Links,
    in_page: Links,
}

/// A page that is the last one of somebody.
#[derive(Debug)]
struct Page {
    url: Arc<[u8]>,
    count: u32,
    visitors: List,
    in_use: Links,
}

/// A visitor as it is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    /// The number of the user, or of the visitor ([`super::hit`]).
    pub(crate) id: u64,
    /// How long ago.
    pub(crate) age: Duration,
}

impl Default for Window {
    fn default() -> Self {
        Self::with(Limits {
            visitors: VISITORS_MAX,
            pages: PAGES_MAX,
        })
    }
}

impl Window {
    fn with(limits: Limits) -> Self {
        Self {
            limits,
            now: Duration::ZERO,
            visitors: Slab::default(),
            by_id: HashMap::new(),
            by_time: List::default(),
            pages: Slab::default(),
            by_url: HashMap::new(),
            by_use: List::default(),
            crowded_out: 0,
        }
    }

    /// The visitor `id` is on `url` now.
    pub(crate) fn hit(&mut self, id: u64, url: &[u8], now: Duration) {
        self.cull(now);
        let url = cut(url);
        match self.by_id.get(&id).copied() {
            Some(index) if self.is_on(index, url) => self.take_out(index),
            Some(index) => self.forget(index),
            None => {}
        }
        let index = match self.by_id.get(&id).copied() {
            Some(index) => index,
            None => {
                if self.by_id.len() >= self.limits.visitors {
                    self.crowd_out(self.by_time.first);
                }
                let page = self.page(url);
                self.enter(id, page)
            }
        };
        self.put_in(index);
    }

    /// Lets those go whose last hit is over [`WINDOW`] ago.
    pub(crate) fn cull(&mut self, now: Duration) {
        self.now = self.now.max(now);
        while let Some(oldest) = self.visitors.get(self.by_time.first) {
            if self.now.saturating_sub(oldest.seen) <= WINDOW {
                break;
            }
            self.forget(self.by_time.first);
        }
    }

    /// How many are here.
    pub(crate) fn visitors(&self) -> usize {
        self.by_id.len()
    }

    /// How many pages are somebody's last.
    pub(crate) fn pages(&self) -> usize {
        self.by_url.len()
    }

    /// How many had to leave before their time, as there was no room.
    pub(crate) const fn crowded_out(&self) -> u64 {
        self.crowded_out
    }

    /// How many are on `url`, and the newest `max` of them, newest first.
    pub(crate) fn on(&self, url: &[u8], max: usize) -> (u32, Vec<Seen>) {
        let page = self.by_url.get(cut(url)).copied();
        let Some(page) = page.and_then(|page| self.pages.get(page)) else {
            return (0, Vec::new());
        };
        let mut newest = Vec::with_capacity(max.min(page.count as usize));
        let mut next = page.visitors.first;
        while newest.len() < max
            && let Some(visitor) = self.visitors.get(next)
        {
            newest.push(Seen {
                id: visitor.id,
                age: self.now.saturating_sub(visitor.seen),
            });
            next = visitor.in_page.next;
        }
        (page.count, newest)
    }

    /// The `max` pages with the most visitors, the fullest first; equally full ones by URL.
    pub(crate) fn top(&self, max: usize) -> Vec<(&[u8], u32)> {
        let pages = self.by_url.iter().filter_map(|(url, page)| {
            let page = self.pages.get(*page)?;
            Some((Reverse(page.count), &**url))
        });
        let mut pages: Vec<_> = pages.collect();
        if let Some(last) = max.checked_sub(1)
            && last < pages.len()
        {
            // Sorting all of them would be most of the work.
            pages.select_nth_unstable(last);
        }
        pages.truncate(max);
        pages.sort_unstable();
        let plain = pages.into_iter().map(|(Reverse(count), url)| (url, count));
        plain.collect()
    }

    fn is_on(&self, index: u32, url: &[u8]) -> bool {
        let visitor = self.visitors.get(index);
        let page = visitor.and_then(|visitor| self.pages.get(visitor.page));
        page.is_some_and(|page| *page.url == *url)
    }

    /// The page of this URL, new if nobody is there.
    fn page(&mut self, url: &[u8]) -> u32 {
        if let Some(page) = self.by_url.get(url) {
            return *page;
        }
        if self.by_url.len() >= self.limits.pages {
            self.empty_the_page(self.by_use.first);
        }
        let url: Arc<[u8]> = url.into();
        let page = self.pages.insert(Page {
            url: Arc::clone(&url),
            count: 0,
            visitors: List::default(),
            in_use: Links::default(),
        });
        self.by_url.insert(url, page);
        self.by_use.push_last(page, &mut self.pages, in_use);
        page
    }

    /// Whoever came back to `index` of a page is the newest everywhere.
    fn put_in(&mut self, index: u32) {
        let now = self.now;
        let Some(visitor) = self.visitors.get_mut(index) else {
            return;
        };
        visitor.seen = now;
        let page_index = visitor.page;
        self.by_time.push_last(index, &mut self.visitors, in_time);
        self.by_use.remove(page_index, &mut self.pages, in_use);
        self.by_use.push_last(page_index, &mut self.pages, in_use);
        if let Some(page) = self.pages.get_mut(page_index) {
            page.count += 1;
            page.visitors.push_first(index, &mut self.visitors, in_page);
        }
    }

    /// Out of all lists; its page stays, as it comes back to it.
    fn take_out(&mut self, index: u32) {
        self.by_time.remove(index, &mut self.visitors, in_time);
        let page = self.visitors.get(index).map_or(NONE, |v| v.page);
        if let Some(page) = self.pages.get_mut(page) {
            page.count = page.count.saturating_sub(1);
            page.visitors.remove(index, &mut self.visitors, in_page);
        }
    }

    fn enter(&mut self, id: u64, page: u32) -> u32 {
        let index = self.visitors.insert(Visitor {
            id,
            seen: self.now,
            page,
            in_time: Links::default(),
            in_page: Links::default(),
        });
        self.by_id.insert(id, index);
        index
    }

    /// The visitor is gone, and its page too if it was the last one there.
    fn forget(&mut self, index: u32) {
        self.take_out(index);
        let Some(visitor) = self.visitors.remove(index) else {
            return;
        };
        self.by_id.remove(&visitor.id);
        if self.pages.get(visitor.page).is_some_and(|p| p.count == 0) {
            self.by_use.remove(visitor.page, &mut self.pages, in_use);
            if let Some(page) = self.pages.remove(visitor.page) {
                self.by_url.remove(&page.url);
            }
        }
    }

    fn crowd_out(&mut self, index: u32) {
        self.crowded_out += 1;
        self.forget(index);
    }

    /// Of all pages the one that was not hit for the longest: all of its visitors are older than
    /// the newest one of any other.
    fn empty_the_page(&mut self, page: u32) {
        while let Some(Page { visitors, .. }) = self.pages.get(page) {
            self.crowd_out(visitors.first);
        }
    }
}

fn cut(url: &[u8]) -> &[u8] {
    url.get(..URL_BYTES_MAX).unwrap_or(url)
}

const fn in_time(visitor: &mut Visitor) -> &mut Links {
    &mut visitor.in_time
}

const fn in_page(visitor: &mut Visitor) -> &mut Links {
    &mut visitor.in_page
}

const fn in_use(page: &mut Page) -> &mut Links {
    &mut page.in_use
}
