//! `spreadlogd tail`: its options, where its lines go, and how it ends.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use spread::client::ConnectOptions;
use spread::{Addresses, GroupName};
use spread_logger::diagnostics::{Chain, Diagnostics, Stamps};
use spreadlogd::config::SPREAD_DEFAULT;
use spreadlogd::steps::Condition;
use spreadlogd::tail::{Dress, Follow, Printer};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tracing::error;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// `spreadlogd tail [--raw] [--where EXPR] [--spread ADDRESS] GROUP…`.
#[derive(Clone, Debug, Args)]
pub(crate) struct TailArgs {
    /// The groups to read
    #[arg(value_name = "GROUP", required = true)]
    groups: Vec<GroupName>,

    /// Print the lines alone, without the host that each came from
    #[arg(long)]
    raw: bool,

    /// Print those lines alone of which this is true, such as: status >= 500 and method = GET
    #[arg(long = "where", value_name = "CONDITION", value_parser = Condition::parse)]
    condition: Option<Condition>,

    /// The Spread daemon, as for logging
    #[arg(long, value_name = "ADDRESS", default_value = SPREAD_DEFAULT)]
    spread: Addresses,

    /// Where Spread daemons have their unix sockets
    #[arg(long, value_name = "DIR", default_value = "/tmp")]
    spread_socket_dir: PathBuf,
}

impl TailArgs {
    /// Prints lines until it is told to stop, or nobody reads them.
    pub(crate) fn run(&self) -> ExitCode {
        let filter = Targets::new().with_target("spreadlogd", LevelFilter::INFO);
        let _diagnostics = match Diagnostics::start(filter, Stamps::Hidden) {
            Ok(diagnostics) => diagnostics,
            Err(error) => {
                let _ = writeln!(io::stderr(), "spreadlogd: cannot start a thread: {error}");
                return ExitCode::FAILURE;
            }
        };
        match self.print() {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever read has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => {
                let error: &(dyn Error + 'static) = &error;
                error!("cannot print: {}", Chain(error));
                ExitCode::FAILURE
            }
        }
    }

    fn print(&self) -> io::Result<()> {
        let dress = Dress {
            is_raw: self.raw,
            is_terminal: io::stdout().is_terminal(),
            is_coloured: io::stdout().is_terminal() && !no_color(),
            condition: self.condition.clone(),
        };
        let follow = Follow {
            addresses: self.spread.clone(),
            groups: self.groups.clone(),
            options: ConnectOptions {
                socket_dir: self.spread_socket_dir.clone(),
                ..ConnectOptions::default()
            },
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(print(&follow, &dress))
    }
}

async fn print(follow: &Follow, dress: &Dress) -> io::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let (mut printer, mut end) = Printer::start(io::stdout())?;
    let read = follow.run(|arrival| {
        let mut text = Vec::new();
        let lines = dress.dress(arrival.sender, &arrival.body, &mut text);
        if lines > 0 {
            printer.print(text, lines);
        }
    });
    let stopped = async {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    };
    let ended: Option<io::Result<()>> = tokio::select! {
        ended = end.wait() => Some(ended),
        () = stopped => None,
        never = read => match never {},
    };
    match ended {
        Some(ended) => ended,
        None => printer.finish(end, FINISH_TIMEOUT).await,
    }
}

/// Whether the user wants no colours (<https://no-color.org>).
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// 1 s: a terminal that is there takes 8 MiB in less, and one that is stopped takes nothing.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);
