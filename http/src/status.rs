//! The status codes this project answers with, and their reason phrases.
//!
//! A closed list: a code that nothing sends is not here.

macro_rules! statuses {
    ($($code:literal $name:ident $reason:literal)*) => {
        /// A status code of RFC 9110 section 15 (429 and 431 are RFC 6585).
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(u16)]
        pub enum Status {
            $(#[doc = concat!(stringify!($code), " ", $reason, ".")] $name = $code,)*
        }

        impl Status {
            /// Every status there is, in numerical order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The three digits and the reason phrase, as in a status line.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => concat!(stringify!($code), " ", $reason),)*
                }
            }

            /// The status line, with the CRLF that ends it.
            #[must_use]
            pub const fn line(self) -> &'static str {
                match self {
                    $(Self::$name => {
                        concat!("HTTP/1.1 ", stringify!($code), " ", $reason, "\r\n")
                    })*
                }
            }

            /// The reason phrase.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self {
                    $(Self::$name => $reason,)*
                }
            }
        }
    };
}

statuses! {
    200 Ok "OK"
    204 NoContent "No Content"
    206 PartialContent "Partial Content"
    301 MovedPermanently "Moved Permanently"
    302 Found "Found"
    303 SeeOther "See Other"
    304 NotModified "Not Modified"
    307 TemporaryRedirect "Temporary Redirect"
    308 PermanentRedirect "Permanent Redirect"
    400 BadRequest "Bad Request"
    401 Unauthorized "Unauthorized"
    403 Forbidden "Forbidden"
    404 NotFound "Not Found"
    405 MethodNotAllowed "Method Not Allowed"
    408 RequestTimeout "Request Timeout"
    411 LengthRequired "Length Required"
    412 PreconditionFailed "Precondition Failed"
    413 ContentTooLarge "Content Too Large"
    414 UriTooLong "URI Too Long"
    416 RangeNotSatisfiable "Range Not Satisfiable"
    417 ExpectationFailed "Expectation Failed"
    421 MisdirectedRequest "Misdirected Request"
    429 TooManyRequests "Too Many Requests"
    431 RequestHeaderFieldsTooLarge "Request Header Fields Too Large"
    500 InternalServerError "Internal Server Error"
    501 NotImplemented "Not Implemented"
    502 BadGateway "Bad Gateway"
    503 ServiceUnavailable "Service Unavailable"
    504 GatewayTimeout "Gateway Timeout"
    505 HttpVersionNotSupported "HTTP Version Not Supported"
}

impl Status {
    /// The number, as an access log has it.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// Whether a response with this status can have content at all (RFC 9110 6.4.1): not
    /// 204 and not 304.
    #[must_use]
    pub const fn may_have_content(self) -> bool {
        !matches!(self, Self::NoContent | Self::NotModified)
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn every_line_is_made_of_version_code_and_reason() {
        for status in Status::ALL {
            let line = format!("HTTP/1.1 {} {}\r\n", status.code(), status.reason());
            assert_eq!(status.line(), line);
            assert_eq!(status.text(), &line[9..line.len() - 2]);
        }
    }
}
