//! What is measured: the farms that the command line asks for, one after the other.

use std::path::PathBuf;

use clap::Parser;

/// Measure a farm's log, from many publishers or web servers to the files.
#[derive(Debug, Parser)]
#[command(name = "farm")]
pub(crate) struct Args {
    /// How many log without being web servers; several are measured one after the other
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "100")]
    pub(crate) publishers: Vec<u16>,
    /// How many rthttpd, asked at a steady rate, log beside them
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) servers: u16,
    /// How many logging hosts write, at most 16; several are measured one after the other
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "2",
        value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) hosts: Vec<u16>,
    /// Lines a second, of all together; several are measured one after the other
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "20000",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) rate: Vec<u64>,
    /// For how long lines are logged
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// Find the rate that is too much first, in steps of 3 seconds, and measure at half of what is not
    #[arg(long, conflicts_with = "rate")]
    pub(crate) half: bool,
    /// A first look: 20 publishers, 2 seconds
    #[arg(long, conflicts_with_all = ["publishers", "servers", "seconds"])]
    pub(crate) quick: bool,
    /// Spread daemons that run, instead of a hub; publishers and logging hosts use them in turn
    #[arg(long, value_name = "ADDRESS,…", value_delimiter = ',')]
    pub(crate) spread: Vec<String>,
    /// Their processes, so that their CPU time is told, too
    #[arg(long, value_name = "PID,…", value_delimiter = ',', requires = "spread")]
    pub(crate) daemons: Vec<u32>,
    /// Compare what a packet sniffer records with what the log has, at rising load of one rthttpd
    #[arg(long, conflicts_with_all = ["publishers", "servers", "hosts", "rate", "half", "quick", "spread", "svg"])]
    pub(crate) sniff: bool,
    /// Write the figures to this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Draw what was measured one after the other: farm-cpu-by-….svg and farm-delay-by-….svg
    #[arg(long, value_name = "DIR")]
    pub(crate) svg: Option<PathBuf>,
    /// Measure the programs that are there instead of building them first
    #[arg(long)]
    pub(crate) no_build: bool,
    /// Be the hub, at this port
    #[arg(long, value_name = "PORT", hide = true)]
    pub(crate) hub: Option<u16>,
}

/// One farm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Plan {
    pub(crate) publishers: usize,
    pub(crate) servers: usize,
    pub(crate) hosts: usize,
    /// Lines a second, of all together.
    pub(crate) rate: u64,
    pub(crate) seconds: u64,
}

/// What of the farms differs most of all from one to the next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Along {
    Publishers,
    Hosts,
    Rate,
}

/// What cannot be measured.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("{0} publishers and servers: choose from 1 to {SENDERS_MAX}")]
    Senders(usize),
    #[error(
        "{0} lines in one run: choose a lower rate or fewer seconds, {LINES_MAX} lines at most"
    )]
    Lines(u64),
    #[error("{0} seconds beside a sniffer: choose {SNIFFED_SECONDS_MAX} at most")]
    Sniffed(u64),
    #[error("a picture is drawn along several values of one of --publishers, --hosts and --rate")]
    Drawn,
    #[error("{0} farms one after the other: choose fewer values, {FARMS_MAX} at most")]
    Farms(usize),
}

/// 500: a descriptor for each at either end, and below the 997 sessions of a daemon.
const SENDERS_MAX: usize = 500;

/// 20 million: of each line four bytes are kept for each logging host, and 200 in its file.
const LINES_MAX: u64 = 20_000_000;

/// 32: at the usual ten seconds some ten minutes.
const FARMS_MAX: usize = 32;

/// 30: of five loads, at the 100,000 requests a second that a worker can, 2 GB of log.
const SNIFFED_SECONDS_MAX: u64 = 30;

impl Args {
    /// The farms, in the order in which they are measured.
    ///
    /// # Errors
    /// When one is too large, or there are too many.
    pub(crate) fn plans(&self) -> Result<Vec<Plan>, PlanError> {
        let (publishers, seconds) = if self.quick {
            (vec![20], 2)
        } else {
            (self.publishers.clone(), self.seconds)
        };
        let mut plans = Vec::new();
        for publishers in publishers {
            for hosts in &self.hosts {
                for rate in &self.rate {
                    plans.push(Plan {
                        publishers: usize::from(publishers),
                        servers: usize::from(self.servers),
                        hosts: usize::from(*hosts),
                        rate: *rate,
                        seconds,
                    });
                }
            }
        }
        if self.sniff && self.seconds > SNIFFED_SECONDS_MAX {
            return Err(PlanError::Sniffed(self.seconds));
        }
        let values = [self.publishers.len(), self.hosts.len(), self.rate.len()];
        let several = values.into_iter().filter(|count| *count > 1).count();
        if self.svg.is_some() && several != 1 {
            return Err(PlanError::Drawn);
        }
        if plans.len() > FARMS_MAX {
            return Err(PlanError::Farms(plans.len()));
        }
        plans.iter().try_for_each(Plan::check)?;
        Ok(plans)
    }
}

impl Plan {
    /// All that log.
    pub(crate) const fn senders(&self) -> usize {
        self.publishers + self.servers
    }

    /// All lines together.
    pub(crate) const fn lines(&self) -> u64 {
        self.rate * self.seconds
    }

    /// Whether it is not too large.
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        if !(1..=SENDERS_MAX).contains(&self.senders()) {
            return Err(PlanError::Senders(self.senders()));
        }
        if self.lines() > LINES_MAX {
            return Err(PlanError::Lines(self.lines()));
        }
        Ok(())
    }
}

impl Along {
    /// The first that differs; none when all farms are the same in all of these.
    pub(crate) fn of(plans: &[Plan]) -> Option<Self> {
        let all = [Self::Publishers, Self::Hosts, Self::Rate];
        let first = plans.first()?;
        all.into_iter()
            .find(|along| plans.iter().any(|plan| along.at(plan) != along.at(first)))
    }

    /// As names of files have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Publishers => "publishers",
            Self::Hosts => "hosts",
            Self::Rate => "rate",
        }
    }

    /// As a picture has it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Publishers => "publishers",
            Self::Hosts => "logging hosts",
            Self::Rate => "lines a second",
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a million at most")]
    pub(crate) fn at(self, plan: &Plan) -> f64 {
        match self {
            Self::Publishers => plan.senders() as f64,
            Self::Hosts => plan.hosts as f64,
            Self::Rate => plan.rate as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(words: &[&str]) -> Result<Vec<Plan>, PlanError> {
        let words = ["farm"].iter().chain(words);
        Args::try_parse_from(words).unwrap().plans()
    }

    #[test]
    fn several_values_are_farms_one_after_the_other() {
        let plans = plans(&["--publishers", "10,500", "--hosts", "1,4", "--seconds", "3"]).unwrap();

        let told: Vec<_> = plans
            .iter()
            .map(|plan| (plan.publishers, plan.hosts))
            .collect();
        assert_eq!(told, [(10, 1), (10, 4), (500, 1), (500, 4)]);
        assert!(plans.iter().all(|plan| plan.lines() == 60_000));
        assert_eq!(Along::of(&plans), Some(Along::Publishers));
        assert_eq!(Along::of(&plans[..2]), Some(Along::Hosts));
        assert_eq!(Along::of(&plans[..1]), None);
    }

    #[test]
    fn a_quick_look_is_small() {
        let plans = plans(&["--quick"]).unwrap();

        assert_eq!(
            (plans.len(), plans[0].publishers, plans[0].seconds),
            (1, 20, 2)
        );
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let refused = |words: &[&str]| plans(words).unwrap_err();

        assert_eq!(refused(&["--publishers", "0"]), PlanError::Senders(0));
        let both = ["--publishers", "300", "--servers", "201"];
        assert_eq!(refused(&both), PlanError::Senders(501));
        let long = ["--rate", "1000000", "--seconds", "21"];
        assert_eq!(refused(&long), PlanError::Lines(21_000_000));
        let drawn = ["--publishers", "1,2", "--hosts", "1,2", "--svg", "."];
        assert_eq!(refused(&drawn), PlanError::Drawn);
        assert_eq!(refused(&["--svg", "."]), PlanError::Drawn);
        let sniffed = ["--sniff", "--seconds", "31"];
        assert_eq!(refused(&sniffed), PlanError::Sniffed(31));
        let many = [
            "--publishers",
            "1,2,3,4,5,6,7,8,9,10,11",
            "--hosts",
            "1,2,3",
        ];
        assert_eq!(refused(&many), PlanError::Farms(33));
    }

    #[test]
    fn flags_that_mean_nothing_together_are_refused() {
        for words in [
            ["--sniff", "--half"].as_slice(),
            &["--half", "--rate", "5"],
            &["--hosts", "0"],
            &["--daemons", "5"],
            &["--quick", "--seconds", "5"],
        ] {
            let words = ["farm"].iter().chain(words);
            assert!(Args::try_parse_from(words.clone()).is_err(), "{words:?}");
        }
    }
}
