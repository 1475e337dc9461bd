//! The flags about programs that answer requests.

use http::Pattern;

use super::quantity::{Size, Time};
use crate::cgi::{CgiOptions, LIMIT, TIMEOUT};

/// The flags as they were typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Programs (CGI)")]
pub(super) struct CgiArgs {
    /// Run the programs whose paths match, as `/cgi-bin/*|**.cgi`, and answer with what they say;
    /// files among them that are not executable get 403
    #[arg(long, value_name = "PATTERN")]
    cgi: Option<Pattern>,

    /// How many programs may run at a time; whoever asks for more gets 503. No limit if 0
    #[arg(long, value_name = "NUMBER", default_value_t = LIMIT)]
    cgi_limit: usize,

    /// How much content a request may have; more gets 413. Where no program reads it, it is thrown
    /// away
    #[arg(long, value_name = "SIZE", default_value_t = Size(CONTENT_MAX))]
    content_max: Size,

    /// How long a program may run, until its answer is sent; then it is stopped, with all that it
    /// has started
    #[arg(long, value_name = "TIME", default_value_t = Time(TIMEOUT))]
    cgi_timeout: Time,
}

/// As for a server without programs (`http::Limits`): forms are smaller, and who takes uploads
/// knows of what size.
const CONTENT_MAX: usize = 1024 * 1024;

impl CgiArgs {
    /// What a request may cost.
    pub(super) fn limits(&self) -> http::Limits {
        http::Limits {
            content_max: self.content_max.0 as u64,
            ..http::Limits::default()
        }
    }

    /// What they come to; limits alone run nothing.
    pub(super) fn options(&self) -> Option<CgiOptions> {
        Some(CgiOptions {
            pattern: self.cgi.clone()?,
            limit: self.cgi_limit,
            timeout: self.cgi_timeout.0,
        })
    }
}
