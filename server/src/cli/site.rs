//! The flags about how the document root is used.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::{Switch, UsageError};
use crate::site::{
    HostOptions, IndexName, Links, PasswordScope, Permissions, SiteOptions, UserDirs,
};

/// The flags as they were typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Document root")]
pub(super) struct SiteArgs {
    /// Serve each host from the directory of its name in the document root, in lower case and
    /// without a port; those who name no host get that of the address they have connected to
    #[arg(long)]
    vhosts: bool,

    /// The host whose directory is for those who ask for a host without one [default: 404]
    #[arg(
        long,
        value_name = "NAME",
        requires = "vhosts",
        value_parser = NonEmptyStringValueParser::new()
    )]
    default_host: Option<String>,

    /// Ask for passwords of FILE everywhere; without FILE, those of the .htpasswd at the top of the
    /// document root, or of the host, come before others [default: the nearest .htpasswd guards its
    /// directory and what is beneath]
    #[arg(long, value_name = "FILE")]
    global_password: Option<Option<PathBuf>>,

    /// Look for no .htpasswd: everybody may see everything
    #[arg(long, conflicts_with = "global_password")]
    no_passwords: bool,

    /// Show no errors/err404.html or the like for errors, but the server's own pages
    #[arg(long)]
    no_error_pages: bool,

    /// Where /~user/ leads: to a directory of the user's name in this one of the document root, or
    /// of the host; it may be a link to a home elsewhere
    #[arg(long, value_name = "DIR")]
    user_dirs: Option<UserDirs>,

    /// The names of the files that a directory stands for, the first that it has [default:
    /// index.html; with --thttpd-defaults those of thttpd too]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    index: Vec<IndexName>,

    /// Serve what all users of this machine may read, and nothing else [default: off; with
    /// --thttpd-defaults on]
    #[arg(
        long,
        value_name = "on|off",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "on"
    )]
    world_readable_only: Option<Switch>,

    /// Serve no file that all users of this machine may execute [default: off; with
    /// --thttpd-defaults on]
    #[arg(
        long,
        value_name = "on|off",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "on"
    )]
    refuse_executables: Option<Switch>,

    /// Follow symbolic links out of the document root, wherever they lead
    #[arg(long)]
    no_symlink_check: bool,
}

/// More than anybody has; each that is not there is looked for.
const INDEX_NAMES_MAX: usize = 16;

/// thttpd's `INDEX_NAMES`. The last is sent as any file where `--cgi` does not say that it is a
/// program.
const INDEX_OF_THTTPD: &[&str] = &[
    "index.html",
    "index.htm",
    "index.xhtml",
    "index.xht",
    "Default.htm",
    "index.cgi",
];

impl SiteArgs {
    /// The options that the flags come to, where nothing is said those of thttpd or our own.
    pub(super) fn options(self, is_as_thttpd: bool) -> Result<SiteOptions, UsageError> {
        if self.index.len() > INDEX_NAMES_MAX {
            return Err(UsageError::IndexNames {
                count: self.index.len(),
                max: INDEX_NAMES_MAX,
            });
        }
        let is_on = |switch: Option<Switch>| switch.map_or(is_as_thttpd, |it| it == Switch::On);
        let default_index = || {
            let names = INDEX_OF_THTTPD.iter().map(|name| name.parse());
            let names = names.collect::<Result<_, _>>().ok();
            let names = names.filter(|_| is_as_thttpd);
            names.unwrap_or_else(|| SiteOptions::default().index)
        };
        let default = self.default_host;
        let passwords = match self.global_password {
            Some(Some(path)) => PasswordScope::File(path),
            Some(None) => PasswordScope::Topmost,
            None if self.no_passwords => PasswordScope::Nobody,
            None => PasswordScope::Nearest,
        };
        Ok(SiteOptions {
            passwords,
            index: if self.index.is_empty() {
                default_index()
            } else {
                self.index
            },
            error_pages: !self.no_error_pages,
            users: self.user_dirs,
            permissions: Permissions {
                world_readable: is_on(self.world_readable_only),
                not_executable: is_on(self.refuse_executables),
            },
            links: if self.no_symlink_check {
                Links::Anywhere
            } else {
                Links::Within
            },
            hosts: self.vhosts.then_some(HostOptions { default }),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Args;

    fn options(args: &[&str]) -> Result<SiteOptions, clap::Error> {
        let args = Args::try_parse_from([&["rthttpd"], args].concat());
        args.map(|args| args.settings().unwrap().config.site)
    }

    #[test]
    fn the_flags_are_what_the_server_is_told() {
        assert_eq!(options(&[]).unwrap(), SiteOptions::default());

        let hosts = options(&["--vhosts", "--default-host", "a"]).unwrap().hosts;

        let default = Some("a".to_owned());
        assert_eq!(hosts, Some(HostOptions { default }));
    }

    #[test]
    fn as_a_thttpd_it_shows_what_thttpd_showed_unless_told_otherwise() {
        let as_thttpd = options(&["--thttpd-defaults"]).unwrap();
        assert_eq!(as_thttpd.index.len(), INDEX_OF_THTTPD.len());
        let strict = Permissions {
            world_readable: true,
            not_executable: true,
        };
        assert_eq!(as_thttpd.permissions, strict);
        let flags = ["--world-readable-only", "--refuse-executables"];
        assert_eq!(options(&flags).unwrap().permissions, strict);

        let told = options(&[
            "--thttpd-defaults",
            "--index=a",
            "--world-readable-only=off",
            "--refuse-executables=off",
        ]);

        let told = told.unwrap();
        assert_eq!(told.index, ["a".parse().unwrap()]);
        assert_eq!(told.permissions, Permissions::default());
    }

    #[test]
    fn a_default_host_needs_hosts() {
        for args in [
            &["--default-host", "a"][..],
            &["--vhosts", "--default-host", ""],
        ] {
            let error = options(args).unwrap_err().to_string();
            assert!(
                error.contains("--vhosts") || error.contains("--default-host"),
                "{error}"
            );
        }
    }
}
