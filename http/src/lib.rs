//! HTTP/1.1 as pure functions: what a static server must decide, without the server.
//!
//! Nothing here opens a file or a socket, reads a clock or waits. Bytes and times come in as
//! arguments, decisions and bytes go out. One exchange passes through in this order:
//!
//! | step | where |
//! |---|---|
//! | the head arrives: `Ok(None)` until it is whole | [`Request::parse`] in `request/` |
//! | its content is counted off and thrown away | [`Content`] in `content/` |
//! | the request target becomes a path that cannot leave the root | [`Target::parse`] in `target/` |
//! | preconditions and ranges choose what is sent | [`Representation::select`] in `select.rs` |
//! | the head of the response is written | [`response`] |
//!
//! A client's mistake is a [`Reject`], an ordinary value with a status and a reason.

pub mod date;
pub mod escape;
pub mod listing;
pub mod response;

mod ascii;
mod content;
mod etag;
mod range;
mod reject;
mod request;
mod select;
mod status;
mod target;

pub use content::Content;
pub use etag::ETag;
pub use range::ByteRange;
pub use reject::Reject;
pub use request::{FieldLines, Fields, Framing, Limits, Method, Rejection, Request, Version};
pub use select::{Representation, Selection};
pub use status::Status;
pub use target::Target;
