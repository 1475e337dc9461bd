//! The response with the listing of a directory.

use std::sync::Arc;

use http::Status;
use http::listing::{CONTENT_SECURITY_POLICY, Format};
use http::response::Head;

use super::super::output::Tail;
use super::Response;
use crate::site::ListingPage;

/// RFC 9110 12.5.5: with another Accept it might have been the other format. Also of a 304 and a
/// 412 in its place.
pub(super) const VARY: (&str, &[u8]) = ("Vary", b"Accept");

impl Response<'_> {
    pub(super) fn listing(&mut self, page: Arc<ListingPage>, format: Format) {
        self.by("listing");
        let fields = self.fields();
        let date = self.state.clock.date(self.now);
        let output = &mut self.state.output;
        let mut head = Head::new(&mut output.bytes, Status::Ok)
            .lines(&fields.without)
            .field("Content-Type", format.content_type())
            .number("Content-Length", page.bytes.len() as u64)
            .fields(&[VARY]);
        if format == Format::Html {
            head = head.field("Content-Security-Policy", CONTENT_SECURITY_POLICY);
        }
        if !page.is_complete {
            // A page says it in words; an array has no place for it.
            head = head.field("Listing-Truncated", "?1");
        }
        head.end(date, self.connection);
        let len = if self.head_only { 0 } else { page.bytes.len() };
        self.note_content(Status::Ok, len as u64);
        if len > 0 {
            self.state.output.tail = Tail::Listing(page);
        }
    }
}
