//! A hub in the foreground: `cargo run -p spread-protocol --example hub`, ended by Ctrl-C.
//!
//! Any client of Spread can use it at `4803@localhost`.

use spread::hub::{BindError, Hub, HubOptions};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "it is a program")]
async fn main() -> Result<(), BindError> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok());
    let hub = Hub::bind(HubOptions {
        port: port.unwrap_or(HubOptions::PORT),
        ..HubOptions::default()
    })
    .await?;
    println!(
        "listening on {:?} and {:?}",
        hub.addresses(),
        hub.socket_path()
    );
    hub.run(async { drop(tokio::signal::ctrl_c().await) }).await;
    Ok(())
}
