//! A directory served by another program, until that program has had enough.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::thread;

use rthttpd::{Config, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config::new("www");
    config.listeners = vec!["localhost:8080".parse()?];
    let server = Server::bind(config)?;
    let (counters, stop) = (server.counters(), server.stop_handle());
    for address in server.addresses() {
        println!("www is at http://{address}/");
    }
    let serving = thread::spawn(move || server.run());

    println!("Enter stops it.");
    std::io::stdin().read_line(&mut String::new())?;
    stop.stop();
    serving.join().map_err(|_| "the server has panicked")??;
    println!("{:?}", counters.totals());
    Ok(())
}
