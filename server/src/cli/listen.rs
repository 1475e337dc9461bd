//! The flags that say where to listen.

use clap::Args;

use crate::config;
use crate::listen::Listener;

/// Where to listen, as it was typed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Listening")]
pub(super) struct ListenArgs {
    /// The port to listen on; 0 takes any that is free [default: 8080, unless --listen or systemd
    /// says where]
    #[arg(short, long)]
    port: Option<u16>,

    /// The address or host name to listen on [default: all addresses, IPv4 and IPv6]
    #[arg(short = 'h', long, value_name = "ADDRESS")]
    host: Option<String>,

    /// Where to listen as well: HOST:PORT, [IPV6]:PORT, :PORT for all addresses, or
    /// unix:/PATH[,mode=0660]; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<Listener>,
}

impl ListenArgs {
    /// What was asked for, which can be nothing.
    pub(super) fn listeners(self) -> Vec<Listener> {
        let mut listeners = Vec::new();
        if self.port.is_some() || self.host.is_some() {
            let port = self.port.unwrap_or(config::PORT);
            listeners.push(Listener::from((self.host, port)));
        }
        listeners.extend(self.listen);
        listeners
    }
}
