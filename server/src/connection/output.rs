//! Responses on their way out, and the exchanges they belong to.
//!
//! All that one read brought in is answered into one [`Output`] and written with one
//! system call. A worker lends its own `Output` to whichever connection is being
//! served, so that answering allocates nothing; only when a client does not take
//! everything at once does the rest move to its connection, as an [`Unsent`].

use std::io::IoSlice;
use std::net::IpAddr;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use http::Request;
use http::response::Multipart;

use crate::site::{LargeFile, ListingPage};

use super::cached::CachedFile;
use super::details::Gathered;

/// Responses, in order: bytes, then at most one longer content that is not copied.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Heads, and contents short enough to be copied behind them.
    pub(super) bytes: Vec<u8>,
    pub(super) tail: Tail,
    pub(super) exchanges: Vec<Exchange>,
    /// Of each exchange, if a format of the log needs it.
    pub(super) gathered: Vec<Gathered>,
    /// The paths of files, if a format tells them.
    pub(super) paths: Vec<u8>,
}

/// Content that is sent from where it is.
#[derive(Debug, Default)]
pub(super) enum Tail {
    #[default]
    None,
    /// A file in memory, or a part of it.
    Cached(Rc<CachedFile>, Range<usize>),
    /// A page made for this response.
    Page(Vec<u8>),
    /// A page made for several.
    Listing(Arc<ListingPage>),
    /// A file held open: from which byte, and how many.
    File(Box<LargeFile>, u64, u64),
    /// Parts of a file held open, and what stands between them.
    Parts(Box<(LargeFile, Multipart)>),
}

/// One request and its response, as far as the log wants to know.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) asked: Asked,
    /// When it was answered, in seconds since 1970.
    pub(super) time: u64,
    pub(super) status: u16,
    /// Where in the output the content begins.
    pub(super) content_at: u64,
    /// How long the content is; nothing for HEAD.
    pub(super) content_len: u64,
}

/// Who asked whom, and where in the received bytes the log finds what it quotes.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// A client of a unix socket has no address.
    pub(super) client: Option<IpAddr>,
    pub(super) line: Span,
    pub(super) referer: Option<Span>,
    pub(super) user_agent: Option<Span>,
    /// `None` where nobody asks for either: each exchange is copied and dropped.
    named: Option<Rc<Named>>,
}

/// Whom and what an exchange is of, where passwords are asked for or hosts have directories.
#[derive(Clone, Debug, Default)]
struct Named {
    user: Option<Arc<[u8]>>,
    host: Option<Arc<str>>,
}

/// A place within received bytes, of which there are never four gigabytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

/// What a client has not taken yet, with all it needs to be finished later.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) output: Output,
    /// The bytes that the exchanges' spans are about.
    pub(super) requests: Vec<u8>,
    /// How much of the output the socket has.
    pub(super) sent: u64,
}

impl Output {
    /// Forgets everything, and keeps the room for the next.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.tail = Tail::None;
        self.exchanges.clear();
        self.gathered.clear();
        self.paths.clear();
    }

    /// Whether there is nothing to forget, which takes less than forgetting nothing.
    pub(super) fn is_clear(&self) -> bool {
        self.bytes.is_empty()
            && matches!(self.tail, Tail::None)
            && self.exchanges.is_empty()
            && self.gathered.is_empty()
            && self.paths.is_empty()
    }

    /// Whether it has to be sent before anything can be added: it holds `bytes_max`, or
    /// ends in content that is not copied.
    pub(super) fn is_full(&self, bytes_max: usize) -> bool {
        self.bytes.len() >= bytes_max || !matches!(self.tail, Tail::None)
    }

    /// How much has to be sent.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.tail.len()
    }

    /// Whether everything to be sent is in memory.
    pub(super) fn is_in_memory(&self) -> bool {
        !matches!(self.tail, Tail::File(..) | Tail::Parts(_))
    }

    /// What is in memory from `sent` on, in two pieces either of which can be empty.
    pub(super) fn slices(&self, sent: u64) -> [IoSlice<'_>; 2] {
        self.pieces(sent).map(IoSlice::new)
    }

    /// No more than `max` of it.
    pub(super) fn slices_within(&self, sent: u64, max: u64) -> [IoSlice<'_>; 2] {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let [bytes, tail] = self.pieces(sent);
        let bytes = bytes.get(..max).unwrap_or(bytes);
        let tail = tail.get(..max - bytes.len()).unwrap_or(tail);
        [bytes, tail].map(IoSlice::new)
    }

    fn pieces(&self, sent: u64) -> [&[u8]; 2] {
        let sent = usize::try_from(sent).unwrap_or(usize::MAX);
        let bytes = self.bytes.get(sent..).unwrap_or_default();
        let skipped = sent.saturating_sub(self.bytes.len());
        let tail = self.tail.in_memory().get(skipped..).unwrap_or_default();
        [bytes, tail]
    }
}

impl Tail {
    fn len(&self) -> u64 {
        match self {
            Self::File(_, _, len) => *len,
            Self::Parts(parts) => parts.1.len(),
            memory => memory.in_memory().len() as u64,
        }
    }

    fn in_memory(&self) -> &[u8] {
        match self {
            Self::None | Self::File(..) | Self::Parts(_) => &[],
            Self::Cached(file, part) => file.content.get(part.clone()).unwrap_or_default(),
            Self::Page(page) => page,
            Self::Listing(page) => &page.bytes,
        }
    }
}

impl Asked {
    /// What the log quotes of `request`, in `bytes`, which is `client`'s; it was for `host`, if
    /// hosts have directories of their own.
    #[inline(always)]
    pub(super) fn of(
        request: &Request<'_>,
        client: Option<IpAddr>,
        bytes: &[u8],
        host: Option<Arc<str>>,
    ) -> Self {
        let span = |part| Span::of(part, bytes);
        Self {
            client,
            line: span(request.request_line),
            referer: request.fields.referer().map(span),
            user_agent: request.fields.user_agent().map(span),
            named: host.map(|host| {
                Rc::new(Named {
                    host: Some(host),
                    user: None,
                })
            }),
        }
    }

    /// What is known of a request that has no head: its first line.
    pub(super) fn headless(client: Option<IpAddr>, line: Span) -> Self {
        Self {
            client,
            line,
            ..Self::default()
        }
    }

    /// Who it was, if a password has shown it.
    pub(super) fn user(&self) -> Option<&Arc<[u8]>> {
        self.named.as_ref()?.user.as_ref()
    }

    /// The host that the request was for, if hosts have directories of their own.
    pub(super) fn host(&self) -> Option<&Arc<str>> {
        self.named.as_ref()?.host.as_ref()
    }

    /// Takes note of what a password has shown.
    pub(super) fn set_user(&mut self, user: Option<Arc<[u8]>>) {
        if user.is_some() || self.named.is_some() {
            let host = self.host().cloned();
            self.named = Some(Rc::new(Named { user, host }));
        }
    }
}

impl Exchange {
    /// How much of the content is among the first `sent` bytes of the output.
    pub(super) fn content_sent(&self, sent: u64) -> u64 {
        sent.saturating_sub(self.content_at).min(self.content_len)
    }

    /// Whether the whole response is.
    pub(super) fn is_sent(&self, sent: u64) -> bool {
        sent >= self.content_at + self.content_len
    }
}

impl Span {
    /// The place of `part`, a piece of `whole`. An empty part may come from elsewhere.
    pub(super) fn of(part: &[u8], whole: &[u8]) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        if part.is_empty() || start > whole.len() {
            return Self::default();
        }
        Self::at(start..start + part.len())
    }

    /// The place of `range`.
    pub(super) fn at(range: Range<usize>) -> Self {
        match (u32::try_from(range.start), u32::try_from(range.len())) {
            (Ok(start), Ok(len)) => Self { start, len },
            _ => Self::default(),
        }
    }

    pub(super) const fn start(self) -> usize {
        self.start as usize
    }

    pub(super) fn within(self, whole: &[u8]) -> &[u8] {
        whole
            .get(self.start as usize..)
            .and_then(|rest| rest.get(..self.len as usize))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(bytes: &[u8], page: &[u8]) -> Output {
        Output {
            bytes: bytes.to_vec(),
            tail: Tail::Page(page.to_vec()),
            ..Output::default()
        }
    }

    #[test]
    fn what_is_left_to_send_goes_on_where_it_stopped() {
        let output = output(b"head", b"content");

        for sent in 0..=11 {
            let [bytes, tail] = output.slices(sent);
            let left = [&bytes[..], &tail[..]].concat();
            assert_eq!(left, b"headcontent"[usize::try_from(sent).unwrap()..]);
        }
        assert_eq!(output.len(), 11);
    }

    #[test]
    fn a_part_of_what_is_left_is_its_beginning() {
        let output = output(b"head", b"content");

        for (sent, max, part) in [
            (0, 0, ""),
            (0, 3, "hea"),
            (0, 4, "head"),
            (2, 4, "adco"),
            (4, 2, "co"),
            (9, 9, "nt"),
            (0, u64::MAX, "headcontent"),
        ] {
            let [bytes, tail] = output.slices_within(sent, max);
            assert_eq!([&bytes[..], &tail[..]].concat(), part.as_bytes());
        }
    }

    #[test]
    fn an_exchange_knows_how_much_of_it_was_sent() {
        let exchange = Exchange {
            asked: Asked::default(),
            time: 0,
            status: 200,
            content_at: 10,
            content_len: 5,
        };

        assert_eq!(exchange.content_sent(3), 0);
        assert_eq!(exchange.content_sent(12), 2);
        assert_eq!(exchange.content_sent(99), 5);
        assert!(!exchange.is_sent(14));
        assert!(exchange.is_sent(15));
    }

    #[test]
    fn a_span_finds_its_part_again_in_a_copy() {
        let whole = b"GET / HTTP/1.1".to_vec();
        let span = Span::of(&whole[4..5], &whole);

        let copy = whole.clone();
        assert_eq!(span.within(&copy), b"/");
        assert_eq!(Span::of(b"", &whole).within(&whole), b"");
    }
}
