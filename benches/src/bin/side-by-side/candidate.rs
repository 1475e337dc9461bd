//! Who is measured: the rows of the table, each a server and a way to log.
//!
//! Every server has one worker and the same core, writes no log unless the row says so, and is started anew for
//! each round. How each is set up is `server/`'s, where its lines go is `log.rs`'s.

use std::net::{Ipv4Addr, SocketAddr};

use benches::program::{Program, free_port};

use crate::case::{Case, Special};
use crate::log::{Log, LogWay};
use crate::server::{CandidateError, Server, Setup, preparing};

/// A row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Candidate {
    /// No server: one recv and one send per request, what none can go below
    Floor,
    /// nginx, without a log
    Nginx,
    /// nginx, a line written for each request
    NginxFile,
    /// nginx, lines gathered before they are written
    NginxBuffered,
    /// nginx, its lines over UDP to spreadcat, which may lose some
    NginxSyslog,
    /// Apache, without a log
    Apache,
    /// Apache, a line written for each request
    ApacheFile,
    /// Apache, lines gathered before they are written
    ApacheBuffered,
    /// Apache, its lines through a pipe to spreadcat
    ApachePipe,
    /// lighttpd, without a log
    Lighttpd,
    /// static-web-server, without a log
    StaticWebServer,
    /// thttpd, without a log; it has no connections that last
    Thttpd,
    /// The rthttpd that `--before` names, without a log
    Before,
    /// rthttpd, without a log
    Rthttpd,
    /// rthttpd, its log into a file
    RthttpdFile,
    /// The rthttpd that `--before` names, its log through a hub in another process
    BeforeLogged,
    /// rthttpd, its log through a hub in another process
    RthttpdLogged,
}

impl Candidate {
    pub(crate) const ALL: [Self; 17] = [
        Self::Floor,
        Self::Nginx,
        Self::NginxFile,
        Self::NginxBuffered,
        Self::NginxSyslog,
        Self::Apache,
        Self::ApacheFile,
        Self::ApacheBuffered,
        Self::ApachePipe,
        Self::Lighttpd,
        Self::StaticWebServer,
        Self::Thttpd,
        Self::Before,
        Self::Rthttpd,
        Self::RthttpdFile,
        Self::BeforeLogged,
        Self::RthttpdLogged,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Nginx => "nginx",
            Self::NginxFile => "nginx-file",
            Self::NginxBuffered => "nginx-buffered",
            Self::NginxSyslog => "nginx-syslog",
            Self::Apache => "apache",
            Self::ApacheFile => "apache-file",
            Self::ApacheBuffered => "apache-buffered",
            Self::ApachePipe => "apache-pipe",
            Self::Lighttpd => "lighttpd",
            Self::StaticWebServer => "static-web-server",
            Self::Thttpd => "thttpd",
            Self::Before => "before",
            Self::Rthttpd => "rthttpd",
            Self::RthttpdFile => "rthttpd-file",
            Self::BeforeLogged => "before-logged",
            Self::RthttpdLogged => "rthttpd-logged",
        }
    }

    /// The same for a reader who has not seen the program.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Floor => "no server: recv and send",
            Self::Nginx => "nginx, no log",
            Self::NginxFile => "nginx, file",
            Self::NginxBuffered => "nginx, buffered file",
            Self::NginxSyslog => "nginx, syslog to spreadcat",
            Self::Apache => "Apache, no log",
            Self::ApacheFile => "Apache, file",
            Self::ApacheBuffered => "Apache, buffered file",
            Self::ApachePipe => "Apache, pipe to spreadcat",
            Self::Lighttpd => "lighttpd, no log",
            Self::StaticWebServer => "static-web-server, no log",
            Self::Thttpd => "thttpd, no log",
            Self::Before => "rthttpd before, no log",
            Self::Rthttpd => "rthttpd, no log",
            Self::RthttpdFile => "rthttpd, file",
            Self::BeforeLogged => "rthttpd before, to the farm",
            Self::RthttpdLogged => "rthttpd, to the farm",
        }
    }

    /// How it is painted.
    pub(crate) fn class(self) -> &'static str {
        let is_logged = self.log_way() != LogWay::None;
        match self.server() {
            Server::Floor => "floor",
            Server::Rthttpd | Server::Before if is_logged => "ours-logged",
            Server::Rthttpd | Server::Before => "ours",
            _ if is_logged => "theirs-logged",
            _ => "theirs",
        }
    }

    /// Whether it is in the table of the first case alone, unless it is asked for by name: what a log on this machine
    /// costs does not depend on what is asked for.
    pub(crate) fn is_aside(self) -> bool {
        !matches!(self.log_way(), LogWay::None | LogWay::Spread)
    }

    pub(crate) fn server(self) -> Server {
        match self {
            Self::Floor => Server::Floor,
            Self::Nginx | Self::NginxFile | Self::NginxBuffered | Self::NginxSyslog => {
                Server::Nginx
            }
            Self::Apache | Self::ApacheFile | Self::ApacheBuffered | Self::ApachePipe => {
                Server::Apache
            }
            Self::Lighttpd => Server::Lighttpd,
            Self::StaticWebServer => Server::StaticWebServer,
            Self::Thttpd => Server::Thttpd,
            Self::Rthttpd | Self::RthttpdFile | Self::RthttpdLogged => Server::Rthttpd,
            Self::Before | Self::BeforeLogged => Server::Before,
        }
    }

    fn log_way(self) -> LogWay {
        match self {
            Self::NginxFile | Self::ApacheFile | Self::RthttpdFile => LogWay::File,
            Self::NginxBuffered | Self::ApacheBuffered => LogWay::Buffered,
            Self::NginxSyslog => LogWay::Syslog,
            Self::ApachePipe => LogWay::Pipe,
            Self::BeforeLogged | Self::RthttpdLogged => LogWay::Spread,
            _ => LogWay::None,
        }
    }

    /// The row this one's cost is compared with to tell what its log costs.
    pub(crate) fn unlogged(self) -> Option<Self> {
        let same = |row: &Self| row.server() == self.server() && row.log_way() == LogWay::None;
        let unlogged = Self::ALL.into_iter().find(same);
        unlogged.filter(|row| *row != self)
    }

    /// The row of the same kind that is measured with another commit's program.
    pub(crate) fn before(self) -> Option<Self> {
        match self {
            Self::Rthttpd => Some(Self::Before),
            Self::RthttpdLogged => Some(Self::BeforeLogged),
            _ => None,
        }
    }

    /// Whether it can answer what the case asks.
    pub(crate) fn takes(self, case: &Case) -> bool {
        match self.server() {
            Server::Rthttpd | Server::Before => true,
            Server::Nginx if case.special == Some(Special::Sides) => true,
            // The floor is the same with and without a rule.
            _ if case.special == Some(Special::Sides) => false,
            // It keeps each file open that was asked for lately, until it may open none and answers 403.
            Server::Lighttpd if case.special == Some(Special::Many) => false,
            Server::Floor => case.floor.is_some(),
            Server::Thttpd => !case.question.is_persistent,
            _ => true,
        }
    }

    pub(crate) fn start(self, setup: &Setup, case: &Case) -> Result<Running, CandidateError> {
        let port = free_port().map_err(preparing("a port"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let directory = setup.scratch.join(self.name());
        let log = Log::start(self.log_way(), setup, &directory)?;
        let command = self
            .server()
            .command(setup, case, port, &directory, &log.destination)?;
        let mut server = Program::start(self.name(), command, setup.server_core, &directory)?;
        server.wait_until_ready(address)?;
        let is_thttpd = self.server() == Server::Thttpd;
        Ok(Running {
            address,
            // thttpd.c: handle_term.
            exit_code: i32::from(is_thttpd),
            server,
            log,
        })
    }
}

/// A server that accepts connections.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    /// After TERM, when all was well.
    exit_code: i32,
    server: Program,
    log: Log,
}

impl Running {
    /// The processes whose CPU time counts, with their threads and children: all that a machine with a web
    /// server has to run, and no hub, which is on another.
    pub(crate) fn processes(&self) -> Vec<u32> {
        [Some(self.server.id()), self.log.reader()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Stops the server as an operator would and, where it logs, says how many lines arrived. `served` is what
    /// there should be: fewer are waited for, a little.
    pub(crate) fn stop(self, served: u64) -> Result<Option<u64>, CandidateError> {
        self.server.stop_with(self.exit_code)?;
        self.log.stop(served)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_log_is_compared_with_the_same_server_without() {
        let pairs = Candidate::ALL
            .into_iter()
            .filter_map(|row| Some((row.name(), row.unlogged()?.name())));

        assert!(
            pairs
                .clone()
                .all(|(name, unlogged)| name.starts_with(unlogged))
        );
        assert_eq!(pairs.count(), 9);
    }
}
