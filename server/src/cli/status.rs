//! The flag of the status listener, and what it comes to.

use http::serve::Place;

/// What was typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Status")]
pub(super) struct StatusArgs {
    /// Where the status page, and metrics for Prometheus at /metrics, are to be had: PORT of this
    /// machine alone, HOST:PORT, or none [default: none; with --spread embedded 127.0.0.1:9803]
    #[arg(long, value_name = "ADDRESS|none")]
    status: Option<Place>,
}

/// Where status is to be had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StatusSettings {
    pub(crate) place: Place,
    /// Nobody has asked for it: without it the program starts too.
    pub(crate) is_default: bool,
}

impl StatusArgs {
    /// What it comes to; who has the whole log in one process is likely to look at it.
    pub(super) fn settings(self, is_embedded: bool) -> StatusSettings {
        let is_default = self.status.is_none();
        let place = self.status.unwrap_or(if is_embedded {
            Place::local(PORT)
        } else {
            Place::Nowhere
        });
        StatusSettings { place, is_default }
    }
}

/// 5,000 above Spread's own port, and nobody's in the list of Prometheus' exporters.
const PORT: u16 = 9803;
