//! Which program a path calls, RFC 3875 3.3: the path of the script, and what follows it.
//!
//! `/cgi-bin/report/2024/may` calls `cgi-bin/report` with the path information `/2024/may`, if
//! that is a file. How far the script's path goes only the file system knows; here are the ways to
//! cut it that the pattern allows, in the order in which they are tried.

use std::sync::Arc;

use http::Pattern;

/// A path that may call a program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Call {
    path: Vec<u8>,
    /// How long the script's path can be, the shortest first.
    cuts: Vec<usize>,
}

/// A script that is there, and was called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Script {
    /// Its file's path beneath the document root.
    pub(crate) path: Vec<u8>,
    /// How much of that is the directory of the host.
    pub(crate) host_len: usize,
    /// Its path as clients know it.
    pub(crate) name: Vec<u8>,
    pub(crate) path_info: Vec<u8>,
    /// Who calls it, if a password was asked for.
    pub(crate) user: Option<Arc<[u8]>>,
    /// The host that it is called at, if that has a directory of its own.
    pub(crate) host: Option<Arc<str>>,
}

impl Script {
    /// What diagnostics call it.
    pub(crate) fn shown(&self) -> String {
        format!("/{}", self.path.escape_ascii())
    }

    /// Whether its output is the response as it stands (RFC 3875 5: non-parsed headers).
    pub(crate) fn is_raw(&self) -> bool {
        let slash = self.path.iter().rposition(|byte| *byte == b'/');
        let name = self.path.get(slash.map_or(0, |at| at + 1)..);
        name.is_some_and(|name| name.starts_with(b"nph-"))
    }
}

/// More than one pattern for programs matches on the way down a path only by intention; each is a
/// look at the file system.
const CUTS_MAX: usize = 16;

impl Call {
    /// What `path` calls, which has a slash at its end if the target had it. Where `host` has a
    /// directory, the pattern may name it or leave it out: thttpd's name it.
    pub(crate) fn new(pattern: &Pattern, host: Option<&str>, path: &[u8]) -> Option<Self> {
        let cuts = cuts(pattern, host, path).collect::<Vec<_>>();
        (!cuts.is_empty()).then(|| Self {
            path: path.to_vec(),
            cuts,
        })
    }

    /// Whether it calls any.
    pub(crate) fn is_one(pattern: &Pattern, host: Option<&str>, path: &[u8]) -> bool {
        cuts(pattern, host, path).next().is_some()
    }

    /// The scripts that it may be about, with their path information.
    pub(crate) fn scripts(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let cuts = self.cuts.iter();
        cuts.filter_map(|cut| self.path.split_at_checked(*cut))
    }
}

/// Whether `path`, the whole of it, is a script's.
pub(crate) fn is_script(pattern: &Pattern, host: Option<&[u8]>, path: &[u8]) -> bool {
    let in_host = |host: &[u8]| pattern.matches(&[host, b"/", path].concat());
    pattern.matches(path) || host.is_some_and(in_host)
}

fn cuts<'a>(
    pattern: &'a Pattern,
    host: Option<&str>,
    path: &'a [u8],
) -> impl Iterator<Item = usize> + use<'a> {
    let whole_path = host.map(|host| [host.as_bytes(), b"/", path].concat());
    let slashes = path.iter().enumerate();
    let slashes = slashes.filter_map(|(at, byte)| (*byte == b'/').then_some(at));
    let whole = (!path.ends_with(b"/") && !path.is_empty()).then_some(path.len());
    let is_script = move |cut: &usize| {
        let is_named = |whole: &Vec<u8>| {
            let len = whole.len() - path.len() + cut;
            pattern.matches(whole.get(..len).unwrap_or_default())
        };
        pattern.matches(path.get(..*cut).unwrap_or_default())
            || whole_path.as_ref().is_some_and(is_named)
    };
    slashes.chain(whole).filter(is_script).take(CUTS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A script's path and the path information.
    type Cut = (&'static str, &'static str);

    #[test]
    fn a_path_is_cut_where_the_pattern_has_a_script() {
        const CASES: &[(&str, &str, &[Cut])] = &[
            ("/cgi-bin/*", "cgi-bin/a", &[("cgi-bin/a", "")]),
            ("/cgi-bin/*", "cgi-bin/a/", &[("cgi-bin/a", "/")]),
            ("/cgi-bin/*", "cgi-bin/a/b/c", &[("cgi-bin/a", "/b/c")]),
            ("/cgi-bin/*", "other/a", &[]),
            ("/cgi-bin/*", "cgi-bin", &[]),
            ("**.cgi", "a/b.cgi/c", &[("a/b.cgi", "/c")]),
            (
                "**.cgi",
                "a.cgi/b.cgi",
                &[("a.cgi", "/b.cgi"), ("a.cgi/b.cgi", "")],
            ),
            ("**", "", &[]),
        ];
        for (pattern, path, expected) in CASES {
            let pattern: Pattern = pattern.parse().unwrap();
            let call = Call::new(&pattern, None, path.as_bytes());
            let scripts: Vec<_> = call.iter().flat_map(Call::scripts).collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(script, info)| (script.as_bytes(), info.as_bytes()))
                .collect();
            assert_eq!(scripts, expected, "{path}");
            let is_one = Call::is_one(&pattern, None, path.as_bytes());
            assert_eq!(is_one, call.is_some());
        }
    }

    /// Were it not run, the text of a script would be shown.
    #[test]
    fn a_pattern_may_name_the_directory_of_a_host() {
        for (pattern, expected) in [
            ("/www.example/bin/*", Some("/x")),
            ("/*/bin/*", Some("/x")),
            ("/bin/*", Some("/x")),
            ("**", Some("/a/x")),
            ("/other.example/bin/*", None),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            let call = Call::new(&pattern, Some("www.example"), b"bin/a/x");
            let info = call.iter().flat_map(Call::scripts).next();
            let info = info.map(|(_, info)| str::from_utf8(info).unwrap());
            assert_eq!(info, expected, "{pattern:?}");
        }
    }

    #[test]
    fn only_so_many_scripts_are_looked_for() {
        let pattern: Pattern = "**".parse().unwrap();
        let call = Call::new(&pattern, None, &b"a/".repeat(1_000)).unwrap();

        assert_eq!(call.scripts().count(), CUTS_MAX);
    }
}
