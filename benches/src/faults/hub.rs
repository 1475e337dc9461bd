//! The hub as a process of its own, which can be stopped and killed apart from logging hosts.

use std::io::{self, Write as _};

use spread::hub::{Hub, HubOptions};

use super::FaultError;

/// Runs a hub on a port of localhost until the process is killed. Says on standard output that it
/// listens.
///
/// # Errors
/// When it cannot listen there.
pub fn run(port: u16) -> Result<(), FaultError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(FaultError::system("start a runtime"))?;
    let options = HubOptions {
        port,
        socket_dir: None,
        ..HubOptions::default()
    };
    runtime.block_on(async {
        let hub = Hub::bind(options).await;
        let hub = hub.map_err(|error| FaultError::Peer(error.to_string()))?;
        if let Some(address) = hub.addresses().first() {
            writeln!(io::stdout(), "{SAYS} {}", address.port())
                .map_err(FaultError::system("say where the hub is"))?;
        }
        hub.run(std::future::pending()).await;
        Ok(())
    })
}

/// What it says before its port.
pub(super) const SAYS: &str = "listening on port";
