//! `spreadlogd audit`: which ledger it is, what is printed, and the exit status.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use spread_logger::diagnostics::{Chain, is_coloured};
use spreadlogd::config::{FILE_DEFAULT, GROUP_DEFAULT, SPREAD_DEFAULT};
use spreadlogd::{Audit, AuditOptions, Config, ledger_place};

use crate::conf::read;
use crate::since::Since;

/// `spreadlogd audit [-c FILE | --file PATH | --state DIR] [--since TIME] [--json] [--verify]
/// [--strict]`.
#[derive(Clone, Debug, Args)]
pub(crate) struct AuditArgs {
    /// The configuration whose ledger it is
    #[arg(short, long, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,

    /// Without one: the log that it is written beside [default: ./logs/access_log]
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    /// The directory of the ledger, if it is not where the configuration or the log says
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// Leave out the streams of which nothing was heard since then, what was given up before, and
    /// the files that were not written to since: 24h, 2026-11-28, '2026-11-28 09:30'
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,

    /// Print JSON, with everything; docs/formats.md has its keys
    #[arg(long)]
    json: bool,

    /// Count the lines of the files again
    #[arg(long)]
    verify: bool,

    /// Fail for publishers too that ended without leaving, whose last lines nobody knows
    #[arg(long)]
    strict: bool,
}

impl AuditArgs {
    /// Prints the books; 0 when they are whole, 1 when not, 2 when there are none.
    pub(crate) fn run(&self) -> ExitCode {
        let audit = match self.audit() {
            Ok(audit) => audit,
            Err(text) => {
                let _ = write!(io::stderr(), "{text}");
                return ExitCode::from(2);
            }
        };
        let text = if self.json {
            audit.json()
        } else {
            audit.text()
        };
        // Nobody reading it changes nothing of what it says.
        let _ = io::stdout().write_all(text.as_bytes());
        if audit.is_whole(self.strict) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn audit(&self) -> Result<Audit, String> {
        let place = match &self.state {
            Some(state) => state.clone(),
            None => self.place()?,
        };
        let options = AuditOptions {
            recounts: self.verify,
            since: self.since.map(|since| since.seconds),
        };
        Audit::read(&place, options).map_err(failed)
    }

    fn place(&self) -> Result<PathBuf, String> {
        let config = match &self.config {
            Some(path) => {
                let name = path.display().to_string();
                let text =
                    read(path).map_err(|error| format!("error: cannot read {name}: {error}\n"))?;
                Config::parse(&text, &name).map_err(|errors| errors.render(is_coloured()))?
            }
            None => {
                let file = self.file.clone();
                let file = file.unwrap_or_else(|| PathBuf::from(FILE_DEFAULT));
                let addresses = SPREAD_DEFAULT.parse().map_err(failed)?;
                let group = GROUP_DEFAULT.parse().map_err(failed)?;
                Config::single(addresses, group, file)
            }
        };
        ledger_place(&config).ok_or_else(|| {
            "spreadlogd: no log is a regular file, so there is no ledger beside it; say where it \
             is with --state\n"
                .to_owned()
        })
    }
}

fn failed<E: Error + 'static>(error: E) -> String {
    let chain: &dyn Display = &Chain(&error);
    format!("spreadlogd: {chain}\n")
}
