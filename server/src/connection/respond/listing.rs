//! The response with the listing of a directory.

use http::Status;
use http::response::Head;

use super::super::output::Tail;
use super::Response;

impl Response<'_> {
    pub(super) fn listing(&mut self, page: Vec<u8>) {
        let fields = self.fields();
        let date = self.state.clock.date(self.now);
        let output = &mut self.state.output;
        Head::new(&mut output.bytes, Status::Ok)
            .lines(&fields.without)
            .field("Content-Type", "text/html; charset=utf-8")
            .number("Content-Length", page.len() as u64)
            .end(date, self.connection);
        let len = if self.head_only { 0 } else { page.len() };
        self.note_content(Status::Ok, len as u64);
        if len > 0 {
            self.state.output.tail = Tail::Page(page);
        }
    }
}
