//! Why a request is refused, and with which status.
//!
//! A reject is the client's mistake, never an error of ours: the response says the status, the
//! reason is for the operator's diagnostics.

use crate::Status;

/// The reason for refusing a request. Its text names the rule that was broken.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reject {
    // === the request line, RFC 9112 section 3 ===
    /// It is not `method SP request-target SP HTTP-version`.
    #[error("the request line is not a method, a target and a version")]
    RequestLine,
    /// A bare CR or LF stands where CRLF must (RFC 9112 2.2).
    #[error("a line does not end in CRLF")]
    LineEnd,
    /// The request line is over its limit.
    #[error("the request line is longer than {max} bytes")]
    RequestLineTooLong {
        /// The limit.
        max: usize,
    },
    /// The method is none that this server knows.
    #[error("the method is not implemented")]
    MethodUnknown,
    /// The method is known, but nothing here allows it.
    #[error("the method is not allowed")]
    MethodNotAllowed,
    /// The major version is not 1.
    #[error("HTTP/{major}.{minor} is not supported")]
    Version {
        /// The digit before the point.
        major: u8,
        /// The digit after it.
        minor: u8,
    },
    /// The target has none of the four forms of RFC 9112 3.2, or not the one its method needs.
    #[error("the request target has no form that its method may have")]
    TargetForm,

    /// An `https` target on a connection without TLS (RFC 9110 7.4).
    #[error("the request target is https, and the connection is not secured")]
    TargetInsecure,

    // === the target's path ===
    /// A `%` without two hexadecimal digits after it (RFC 3986 2.1).
    #[error("the request target has a broken percent escape")]
    TargetEscape,
    /// The path names a NUL, which no file name can hold.
    #[error("the request target names a NUL byte")]
    TargetNul,
    /// Its `..` segments climb above the root.
    #[error("the request target leaves the document root")]
    TargetLeavesRoot,
    /// A segment holds an escaped `/`, which no file name can. Well formed, but it names nothing.
    #[error("the request target names a file with a slash in its name")]
    TargetSlash,

    // === field lines, RFC 9112 section 5 ===
    /// The head is over its limit.
    #[error("the request head is longer than {max} bytes")]
    HeadTooLong {
        /// The limit.
        max: usize,
    },
    /// There are too many field lines.
    #[error("the request has more than {max} field lines")]
    TooManyFields {
        /// The limit.
        max: usize,
    },
    /// A field name is no token directly before a colon. An obs-fold and white space before
    /// the colon are this too (RFC 9112 5.1 and 5.2).
    #[error("a field name is not a token followed by a colon")]
    FieldName,
    /// A field value holds a control character.
    #[error("a field value holds a control character")]
    FieldValue,
    /// HTTP/1.1 without Host.
    #[error("the Host field is missing")]
    HostMissing,
    /// More than one Host.
    #[error("there is more than one Host field")]
    HostRepeated,
    /// Host, or the authority of an absolute target, is no `uri-host [":" port]`.
    #[error("the host is not a name or address with an optional port")]
    HostInvalid,

    /// Expect asks for more than `100-continue` (RFC 9110 10.1.1).
    #[error("the expectation cannot be met")]
    Expectation,

    // === framing, RFC 9112 section 6 ===
    /// Content-Length is no number.
    #[error("the Content-Length is not a number")]
    ContentLengthInvalid,
    /// More than one Content-Length.
    #[error("there is more than one Content-Length")]
    ContentLengthRepeated,
    /// Both fields that frame content are there.
    #[error("there are both Transfer-Encoding and Content-Length")]
    FramingTwice,
    /// Transfer-Encoding in HTTP/1.0.
    #[error("Transfer-Encoding needs HTTP/1.1")]
    TransferEncodingVersion,
    /// Transfer-Encoding does not end in one `chunked`.
    #[error("the Transfer-Encoding does not end in one chunked coding")]
    TransferEncodingInvalid,
    /// A transfer coding besides `chunked`.
    #[error("a transfer coding is not implemented")]
    TransferCodingUnknown,
    /// The content is over its limit.
    #[error("the content is longer than {max} bytes")]
    ContentTooLarge {
        /// The limit.
        max: u64,
    },
    /// A chunk does not begin with a size line or does not end in CRLF (RFC 9112 7.1).
    #[error("a chunk is malformed")]
    Chunk,
    /// A chunk's size line is over its limit.
    #[error("the size line of a chunk is longer than {max} bytes")]
    ChunkLineTooLong {
        /// The limit.
        max: usize,
    },
    /// The extensions of all chunks together are over their limit.
    #[error("the chunk extensions are longer than {max} bytes")]
    ChunkExtensionsTooLong {
        /// The limit.
        max: usize,
    },
    /// A trailer field is malformed.
    #[error("a trailer field is malformed")]
    Trailer,
    /// The trailer section is over its limit.
    #[error("the trailer section is longer than {max} bytes")]
    TrailersTooLong {
        /// The limit.
        max: usize,
    },
}

impl Reject {
    /// The status to answer with.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::RequestLineTooLong { .. } => Status::UriTooLong,
            // RFC 9112 6.1: an unknown transfer coding gets 501 as an unknown method does.
            Self::MethodUnknown | Self::TransferCodingUnknown => Status::NotImplemented,
            Self::MethodNotAllowed => Status::MethodNotAllowed,
            Self::Version { .. } => Status::HttpVersionNotSupported,
            Self::Expectation => Status::ExpectationFailed,
            Self::TargetInsecure => Status::MisdirectedRequest,
            Self::TargetSlash => Status::NotFound,
            Self::HeadTooLong { .. }
            | Self::TooManyFields { .. }
            | Self::TrailersTooLong { .. } => Status::RequestHeaderFieldsTooLarge,
            Self::ContentTooLarge { .. } => Status::ContentTooLarge,
            _ => Status::BadRequest,
        }
    }
}
