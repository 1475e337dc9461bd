//! The flags about clients: who is believed about them, who is let in, and how often.

use std::num::NonZeroU32;

use super::UsageError;
use super::quantity::count;
use crate::clients::{ClientOptions, Network, ProxyField, Rate, TrustedProxy, WRONG_PASSWORDS};

/// The flags as they were typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Clients")]
pub(super) struct ClientArgs {
    /// A proxy, or a network of them, that is believed about whom it asks for; `unix` for those
    /// on unix sockets; may be repeated
    #[arg(long, value_name = "CIDR|unix")]
    trusted_proxy: Vec<TrustedProxy>,

    /// The field in which trusted proxies name their clients; they must set or remove it
    #[arg(
        long,
        value_name = "FIELD",
        value_enum,
        ignore_case = true,
        default_value_t = Field::XForwardedFor,
        requires = "trusted_proxy"
    )]
    proxy_field: Field,

    /// A network that is let in, and then no others are; may be repeated [default: all]
    #[arg(long, value_name = "CIDR")]
    allow: Vec<Network>,

    /// A network that is not let in, even if it is allowed; may be repeated
    #[arg(long, value_name = "CIDR")]
    deny: Vec<Network>,

    /// Connections at a time of one address, or of an IPv6 /64 [default: as many as there are]
    #[arg(long, value_name = "N", value_parser = count::<NonZeroU32>)]
    connections_per_address: Option<NonZeroU32>,

    /// Requests per second or minute of one address, or of an IPv6 /64; so many may come at once
    /// [default: any number]
    #[arg(long, value_name = "N/s|N/m")]
    requests_per_address: Option<Rate>,

    /// Wrong passwords per second or minute of one address, or of an IPv6 /64; then none of its
    /// passwords is looked at until it may be wrong again
    #[arg(long, value_name = "N/s|N/m", default_value_t = WRONG_PASSWORDS)]
    wrong_passwords_per_address: Rate,
}

/// The names of the fields.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Field {
    /// Addresses, the last proxy's client at the end
    XForwardedFor,
    /// RFC 7239
    Forwarded,
}

/// More than any list of networks worth having. A set of so many takes two megabytes.
const NETWORKS_MAX: usize = 65_536;

impl ClientArgs {
    /// The options that the flags come to.
    pub(super) fn options(self) -> Result<ClientOptions, UsageError> {
        let counts = [
            ("--trusted-proxy", self.trusted_proxy.len()),
            ("--allow", self.allow.len()),
            ("--deny", self.deny.len()),
        ];
        for (flag, count) in counts {
            if count > NETWORKS_MAX {
                let max = NETWORKS_MAX;
                return Err(UsageError::Networks { flag, count, max });
            }
        }
        Ok(ClientOptions {
            trusted_proxies: self.trusted_proxy,
            proxy_field: match self.proxy_field {
                Field::XForwardedFor => ProxyField::XForwardedFor,
                Field::Forwarded => ProxyField::Forwarded,
            },
            allow: self.allow,
            deny: self.deny,
            connections_per_address: self.connections_per_address,
            requests_per_address: self.requests_per_address,
            wrong_passwords_per_address: self.wrong_passwords_per_address,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Args;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from([&["rthttpd"], args].concat())
    }

    #[test]
    fn the_flags_are_what_the_server_is_told() {
        let args = parse(&[
            "--trusted-proxy=10.0.0.0/8",
            "--trusted-proxy=unix",
            "--proxy-field=Forwarded",
            "--allow=::/0",
            "--allow=192.0.2.1",
            "--deny=192.0.2.0/24",
            "--connections-per-address=9",
            "--requests-per-address=300/m",
            "--wrong-passwords-per-address=5/s",
        ]);
        let options = args.unwrap().settings().unwrap().config.clients;

        let network = |text: &str| text.parse::<Network>().unwrap();
        let proxies = [
            TrustedProxy::Network(network("10.0.0.0/8")),
            TrustedProxy::Unix,
        ];
        assert_eq!(options.trusted_proxies, proxies);
        assert_eq!(options.proxy_field, ProxyField::Forwarded);
        assert_eq!(options.allow, [network("::/0"), network("192.0.2.1/32")]);
        assert_eq!(options.deny, [network("192.0.2.0/24")]);
        assert_eq!(options.connections_per_address, NonZeroU32::new(9));
        assert_eq!(options.requests_per_address, "300/m".parse().ok());
        let wrong = options.wrong_passwords_per_address;
        assert_eq!(wrong.to_string(), "5/s");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_could() {
        const CASES: &[(&[&str], &str)] = &[
            (&["--allow=10.0.0.1/8"], "10.0.0.0/8"),
            (&["--deny=example.com"], "192.0.2.0/24"),
            (&["--trusted-proxy=/run/x"], "192.0.2.0/24"),
            (&["--requests-per-address=10"], "10/s"),
            (&["--connections-per-address=0"], "0"),
            (&["--proxy-field=forwarded"], "--trusted-proxy"),
            (
                &["--trusted-proxy=unix", "--proxy-field=x-real-ip"],
                "x-forwarded-for",
            ),
        ];
        for (args, hint) in CASES {
            let error = parse(args).unwrap_err();
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    #[test]
    fn more_networks_than_anybody_needs_are_refused() {
        let deny = |count| ClientArgs {
            trusted_proxy: Vec::new(),
            proxy_field: Field::Forwarded,
            allow: Vec::new(),
            deny: vec!["192.0.2.1".parse().unwrap(); count],
            connections_per_address: None,
            requests_per_address: None,
            wrong_passwords_per_address: WRONG_PASSWORDS,
        };

        assert!(deny(NETWORKS_MAX).options().is_ok());
        let error = deny(NETWORKS_MAX + 1).options().unwrap_err();
        assert!(error.to_string().contains("--deny"), "{error}");
    }
}
