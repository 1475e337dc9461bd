//! HTTP/1.1 as pure functions: what a static server must decide, without the server.
//!
//! Nothing here opens a file or a socket, reads a clock or waits. Bytes and times come in as
//! arguments, decisions and bytes go out. One exchange passes through in this order:
//!
//! | step | where |
//! |---|---|
//! | before it, a proxy may say whose connection it is | [`proxy_protocol`] |
//! | the head arrives: `Ok(None)` until it is whole | [`Request::parse`] in `request/` |
//! | its content is counted off and thrown away | [`Content`] in `content/` |
//! | a proxy's word about its client is read | [`forwarded`] |
//! | the host becomes the name it is kept under | [`host_name`] |
//! | the target becomes a path that cannot leave the root | [`Target::parse`] in `target/` |
//! | the client's weights choose an encoding of it | [`Accepted::choose`] in `encoding.rs` |
//! | preconditions and ranges choose what is sent | [`Representation::select`] in `select.rs` |
//! | the head of the response is written | [`response`] |
//!
//! Beside the way of an exchange: [`Pattern`] for rules about paths, [`listing`] for directories,
//! [`accept`] and `encoding.rs` for what a client prefers.
//!
//! A client's mistake is a [`Reject`], an ordinary value with a status and a reason.
//!
//! The feature `serve` adds what our programs say about themselves: `metrics`, pure too, and
//! `serve`, a small loop on tokio that answers for them. Nothing of the above knows either.
//!
//! ```
//! use http::response::{Connection, Head};
//! use http::{Coding, ETag, Limits, Representation, Request, Target, date};
//!
//! let received = b"GET /hello.txt HTTP/1.1\r\nHost: www.example\r\nRange: bytes=-5\r\n\r\n";
//! let now = 1_795_000_000;
//!
//! let request = Request::parse(received, &Limits::default()).unwrap().expect("it is whole");
//! let target = Target::parse(request.target).unwrap();
//! assert_eq!(target.path(), b"hello.txt");
//!
//! let file = Representation {
//!     content_type: "text/plain",
//!     len: 12,
//!     etag: ETag::new(1_700_000_000, 0, 12),
//!     modified: 1_700_000_000,
//!     coding: Coding::Identity,
//!     varies: false,
//! };
//! let selection = file.select(&request, now);
//! let mut out = Vec::new();
//! Head::new(&mut out, selection.status())
//!     .representation(&file, &selection)
//!     .end(&date::format(now), Connection::of(&request));
//! assert!(out.starts_with(b"HTTP/1.1 206 Partial Content\r\n"));
//! ```

pub mod accept;
pub mod date;
pub mod escape;
pub mod forwarded;
pub mod listing;
#[cfg(feature = "serve")]
pub mod metrics;
pub mod proxy_protocol;
pub mod response;
#[cfg(feature = "serve")]
pub mod serve;

mod ascii;
mod content;
mod encoding;
mod etag;
mod host_name;
mod pattern;
mod range;
mod reject;
mod request;
mod select;
mod status;
mod target;

pub use content::Content;
pub use encoding::{Accepted, Coding, Codings};
pub use etag::ETag;
pub use host_name::host_name;
pub use pattern::{Captures, Pattern, PatternError};
pub use range::ByteRange;
pub use reject::Reject;
pub use request::{
    Expectation, FieldLines, Fields, Framing, KnownFields, Limits, Method, Rejection, Request,
    Version,
};
pub use select::{Representation, Selection};
pub use status::Status;
pub use target::Target;
