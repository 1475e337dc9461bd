//! The flag of the status listener, and what it comes to.

use std::str::FromStr;
use std::time::Duration;

use http::serve::Place;

use super::quantity::{QuantityError, Time};

/// What was typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Status")]
pub(super) struct StatusArgs {
    /// Where the status page, and metrics for Prometheus at /metrics, are to be had: PORT of this
    /// machine alone, HOST:PORT, or none [default: none; with --spread embedded 127.0.0.1:9803]
    #[arg(long, value_name = "ADDRESS|none")]
    status: Option<Place>,

    /// How often what was counted is told among the warnings, and at the end; none for never
    /// [default: none; 1h with --thttpd-defaults]
    #[arg(long, value_name = "TIME|none")]
    statistics: Option<Period>,
}

/// How often, if at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Period(Option<Duration>);

impl FromStr for Period {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if text == "none" {
            return Ok(Self(None));
        }
        let Time(period) = text.parse()?;
        Ok(Self(Some(period)))
    }
}

/// Where status is to be had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StatusSettings {
    pub(crate) place: Place,
    /// Nobody has asked for it: without it the program starts too.
    pub(crate) is_default: bool,
}

impl StatusArgs {
    /// How often what was counted is told.
    pub(super) fn statistics(&self, is_as_thttpd: bool) -> Option<Duration> {
        let default = Period(is_as_thttpd.then_some(HOUR));
        self.statistics.unwrap_or(default).0
    }

    /// What it comes to; who has the whole log in one process is likely to look at it.
    pub(super) fn settings(&self, is_embedded: bool) -> StatusSettings {
        let is_default = self.status.is_none();
        let place = self.status.clone().unwrap_or(if is_embedded {
            Place::local(PORT)
        } else {
            Place::Nowhere
        });
        StatusSettings { place, is_default }
    }
}

/// 5,000 above Spread's own port, and nobody's in the list of Prometheus' exporters.
const PORT: u16 = 9803;

/// thttpd's `STATS_TIME`.
const HOUR: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::Args;

    #[test]
    fn as_a_thttpd_it_tells_every_hour_unless_told_otherwise() {
        for (args, expected) in [
            (&[][..], None),
            (&["--thttpd-defaults"], Some(HOUR)),
            (&["--thttpd-defaults", "--statistics", "none"], None),
            (&["--statistics", "5m"], Some(Duration::from_secs(300))),
        ] {
            let args = Args::try_parse_from([&["rthttpd"], args].concat()).unwrap();
            assert_eq!(args.settings().unwrap().statistics, expected);
        }
    }
}
