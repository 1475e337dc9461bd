//! `spuser`, the small interactive client that comes with Spread, on this crate.
//!
//! ```sh
//! cargo run -p spread-protocol --example spuser -- -s 4803@localhost -u me
//! ```
//!
//! It reads commands from standard input, a line each (`?` lists them), and shows what the
//! daemon delivers as it comes; memberships, too. With its input from a pipe it carries out the
//! commands, shows what they gave rise to, and ends.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a terminal program"
)]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use spread::client::{ConnectOptions, Outgoing, Receiver, Sender, connect};
use spread::{Address, Delivery, GroupName, Membership, Name, PrivateName, Service};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::time::timeout;

/// A small interactive Spread client.
#[derive(Parser)]
struct Options {
    /// The daemon: PORT@HOST, PORT for its unix socket, or the path of a socket.
    #[arg(short, default_value = "4803@localhost")]
    server: Address,
    /// Your private name, at most 10 characters; without one the daemon makes one up.
    #[arg(short)]
    user: Option<PrivateName>,
}

const COMMANDS: &str = "\
  j GROUP            join
  l GROUP            leave
  s GROUP[,GROUP…] TEXT
                     send a line (agreed); a private group is a session alone
  q                  quit
  ?                  this list";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut cause = Some(&*error as &dyn Error);
            while let Some(error) = cause {
                eprintln!("spuser: {error}");
                cause = error.source();
            }
            // At once: the runtime would wait for the thread that reads standard input.
            std::process::exit(1)
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let session = connect(
        &options.server,
        &ConnectOptions {
            name: options.user,
            membership: true,
            ..ConnectOptions::default()
        },
    )
    .await?;
    let (version, me) = (session.daemon_version(), session.private_group());
    println!(
        "connected to Spread {version} at {} as {me}; ? lists the commands",
        options.server
    );

    let (mut sender, mut receiver) = (session.sender, session.receiver);
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            delivery = receiver.recv() => show(&delivery?),
            line = lines.next_line() => match line?.as_deref().map(str::trim) {
                None | Some("q") => break,
                Some("?") => println!("{COMMANDS}"),
                Some("") => {}
                Some(line) => {
                    if let Err(error) = carry_out(line, &mut sender) {
                        println!("  {error}");
                    }
                    sender.flush().await?;
                }
            },
        }
    }
    finish(sender, receiver).await
}

fn carry_out(line: &str, sender: &mut Sender) -> Result<(), Box<dyn Error>> {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    match command {
        "j" => sender.join(rest.parse()?)?,
        "l" => sender.leave(rest.parse()?)?,
        "s" => {
            let (groups, text) = rest.split_once(' ').ok_or("say: s GROUP TEXT")?;
            let groups = groups
                .split(',')
                .map(destination)
                .collect::<Result<Vec<_>, _>>()?;
            sender.multicast(&Outgoing {
                service: Service::Agreed,
                self_discard: false,
                groups: &groups,
                mess_type: 0,
                body: format!("{text}\n").into(),
            })?;
        }
        other => return Err(format!("no such command: {other} (? lists them)").into()),
    }
    Ok(())
}

/// A group, or the private group of one session.
fn destination(text: &str) -> Result<Name, spread::NameError> {
    match text.strip_prefix('#') {
        Some(_) => spread::PrivateGroup::new(text).map(Name::from),
        None => GroupName::new(text).map(Name::from),
    }
}

fn show(delivery: &Delivery) {
    match delivery {
        Delivery::Message(message) => println!(
            "{} to {:?}, {:?}, {} bytes: {}",
            message.sender,
            message.groups,
            message.service,
            message.body.len(),
            message.body.escape_ascii(),
        ),
        Delivery::Membership(Membership {
            group,
            cause,
            members,
            vs_sets,
            ..
        }) => println!(
            "{group}: {cause:?} of {vs_sets:?}, now {} members {members:?}",
            members.len()
        ),
        Delivery::Transition { group, .. } => println!("{group}: the network is changing"),
        Delivery::SelfLeave { group } => println!("{group}: left"),
        Delivery::Reject(reject) => println!("refused: {:?} {:?}", reject.refused, reject.groups),
    }
}

/// Shows what was under way: an empty message to ourselves comes back after all of it.
async fn finish(mut sender: Sender, mut receiver: Receiver) -> Result<(), Box<dyn Error>> {
    let me = Name::from(sender.private_group());
    sender.multicast(&Outgoing {
        service: Service::Agreed,
        self_discard: false,
        groups: &[me],
        mess_type: 0,
        body: "".into(),
    })?;
    sender.flush().await?;
    let last_words = async {
        loop {
            match receiver.recv().await? {
                Delivery::Message(echo) if echo.sender == me && echo.groups == [me] => break,
                delivery => show(&delivery),
            }
        }
        sender.disconnect().await
    };
    Ok(timeout(GOODBYE_TIMEOUT, last_words).await??)
}

/// 5 s: a daemon that is well answers in a millisecond.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(5);
