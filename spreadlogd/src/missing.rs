//! What a configuration names and this machine has not, so that no start can come of it: modules,
//! and directories for log files.
//!
//! It is looked for, and nothing is opened or made. What may be otherwise by the time of the start
//! (permissions, other writers, addresses that are taken) the start itself finds out.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::child::find_module;
use crate::config::{Config, ConfigErrors, Mark, Module, Problem};

impl Config {
    /// What it names and this machine has not, if there is something: the start would fail.
    ///
    /// Relative paths begin at the current directory of now.
    #[must_use]
    pub fn missing(&self) -> Option<ConfigErrors> {
        let mut made = HashSet::new();
        self.refused(|mark| match mark {
            Mark::Module(module) => self.missing_module(module),
            Mark::File(path) => missing_directory(path, &mut made),
        })
    }

    fn missing_module(&self, module: &Module) -> Option<Problem> {
        if module.name() == Module::ONLINE {
            return None;
        }
        let directory = self.module_dir().unwrap_or_else(|| Path::new("."));
        let found = find_module(directory, module.name());
        found.err().map(Problem::Module)
    }
}

/// The start makes the directory of a file, but none above it; `made` are those that it makes.
fn missing_directory(path: &Path, made: &mut HashSet<PathBuf>) -> Option<Problem> {
    if path.is_dir() || path.as_os_str().as_bytes().ends_with(b"/") {
        return Some(Problem::Directory(path.to_owned()));
    }
    let parent = beginning(path.parent()?);
    let above = parent.parent().map_or(parent, beginning);
    let found = Found::at(parent);
    if let (Found::Nothing, Some(to)) = (found, led_to(parent)) {
        return Some(dangling(parent, to));
    }
    match (found, Found::at(above)) {
        (Found::Directory, _) => missing_target(path, made),
        (Found::Unknown, _) => None,
        (Found::Other, _) => Some(Problem::NotADirectory(parent.to_owned())),
        (Found::Nothing, _) if made.contains(parent) => None,
        (Found::Nothing, Found::Other) => Some(Problem::NoDirectory(parent.to_owned())),
        (Found::Nothing, Found::Nothing) if !made.contains(above) => {
            Some(Problem::NoDirectory(parent.to_owned()))
        }
        (Found::Nothing, _) => {
            made.insert(parent.to_owned());
            None
        }
    }
}

/// A link to a file that is not there makes it, where there is a directory for it.
fn missing_target(path: &Path, made: &HashSet<PathBuf>) -> Option<Problem> {
    let mut at = path.to_owned();
    for _ in 0..LINKS_MAX {
        let to = led_to(&at).filter(|_| matches!(Found::at(&at), Found::Nothing))?;
        let directory = beginning(to.parent()?);
        match Found::at(directory) {
            Found::Directory => at = to,
            Found::Unknown => return None,
            Found::Nothing if made.contains(directory) => return None,
            Found::Other | Found::Nothing => return Some(dangling(path, to)),
        }
    }
    Some(dangling(path, at))
}

/// Where a link leads; nowhere from what is none.
fn led_to(link: &Path) -> Option<PathBuf> {
    let to = fs::read_link(link).ok()?;
    Some(beginning(link.parent()?).join(to))
}

fn dangling(link: &Path, to: PathBuf) -> Problem {
    let link = link.to_owned();
    Problem::Dangling { link, to }
}

const LOOP: i32 = rustix::io::Errno::LOOP.raw_os_error();

/// 40: as many as the system follows.
const LINKS_MAX: usize = 40;

/// What is at a path.
#[derive(Clone, Copy, Debug)]
enum Found {
    Directory,
    Other,
    Nothing,
    /// Whoever looks may not see it; whoever starts may.
    Unknown,
}

impl Found {
    fn at(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Self::Directory,
            Ok(_) => Self::Other,
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Nothing,
                // Links that lead to each other.
                _ if error.raw_os_error() == Some(LOOP) => Self::Nothing,
                _ => Self::Unknown,
            },
        }
    }
}

/// Where a relative path begins that says no more.
fn beginning(path: &Path) -> &Path {
    if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// `DIR` in `text` is a directory with a file, a directory and modules in it.
    fn missing(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        for (name, mode) in [("file", 0o644), ("works", 0o755), ("old.so", 0o755)] {
            let path = dir.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::create_dir(dir.path().join("d")).unwrap();
        let at = dir.path().to_str().unwrap();
        let config = Config::parse(text.replace("DIR", at).as_bytes(), "c").unwrap();
        let errors = config.missing().map(|errors| errors.to_string());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
        errors.unwrap_or_default().replace(at, "DIR")
    }

    #[test]
    fn a_module_that_cannot_be_run_is_shown_where_it_is_loaded() {
        let config = |name: &str| {
            format!(
                "ModuleDir = DIR\nLoadModule {name} 1\nSpread {{ Log {{ Group = g ModuleLog {name} }} }}"
            )
        };

        assert_eq!(missing(&config("works")), "");
        assert_eq!(
            missing(&config("absent")),
            "\
error: cannot find module DIR/absent
 --> c:2:12
  |
2 | LoadModule absent 1
  |            ^^^^^^ No such file or directory (os error 2)

"
        );
        for (name, why) in [
            ("file", "module DIR/file is not an executable file"),
            ("d", "module DIR/d is not an executable file"),
            ("old", "DIR/old.so is a shared object of the original"),
            ("old.so", "DIR/old.so is a shared object of the original"),
        ] {
            let errors = missing(&config(name));

            assert!(errors.starts_with(&format!("error: {why}")), "{errors}");
        }
    }

    #[test]
    fn a_file_without_a_directory_to_be_in_is_shown() {
        let logs = |files: &[&str]| {
            let log = |file: &&str| format!("Log {{ Group = g File = '{file}' }}\n");
            format!("Spread {{\n{}}}", files.iter().map(log).collect::<String>())
        };

        for files in [
            &[
                "DIR/file",
                "DIR/new",
                "DIR/d/new",
                "DIR/new/log",
                "/dev/null",
            ][..],
            &["relative", "./relative", "new_directory/log"],
            // One after the other they are made.
            &["DIR/a/log", "DIR/a/b/log", "DIR/a/b/c/log"],
            // These are made when there are lines for them.
            &["DIR/a/b/%Y", "DIR/a/%{host}/log", "|cat > DIR/a/b/c"],
        ] {
            assert_eq!(missing(&logs(files)), "", "{files:?}");
        }
        assert_eq!(
            missing(&logs(&["DIR/a/b/log"])).lines().next(),
            Some("error: there is no directory DIR/a/b, nor one to make it in")
        );
        for (files, why) in [
            (&["DIR/d"][..], "DIR/d is a directory"),
            (&["DIR/new/"], "DIR/new/ is a directory"),
            (&["DIR/file/log"], "DIR/file is no directory"),
            (&["DIR/file/a/log"], "no directory DIR/file/a"),
            (&["DIR/a/b/log", "DIR/a/log"], "no directory DIR/a/b"),
            (&["no/such/log"], "no directory no/such"),
        ] {
            let errors = missing(&logs(files));

            assert!(errors.contains(why), "{errors}");
            assert!(errors.contains("c:2:24"), "{errors}");
        }
    }

    /// Links are followed and not made; a file behind one is, as by any program.
    #[test]
    fn a_link_to_nowhere_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().to_str().unwrap();
        for (link, to) in [
            ("nowhere", "no/such"),
            ("new", "new.log"),
            ("to_new", "new"),
            ("to_nowhere", "nowhere"),
            ("behind", "nowhere/log"),
            ("made", "a/log.1"),
            ("loop", "loop"),
        ] {
            std::os::unix::fs::symlink(to, dir.path().join(link)).unwrap();
        }
        let missing = |files: &[&str]| {
            let log = |file: &&str| format!("Log {{ Group = g File = '{at}/{file}' }}\n");
            let logs: String = files.iter().map(log).collect();
            let config = Config::parse(format!("Spread {{\n{logs}}}").as_bytes(), "c").unwrap();
            let errors = config.missing().map(|errors| errors.to_string());
            errors.unwrap_or_default().replace(at, "DIR")
        };

        for files in [&["new"][..], &["to_new"], &["a/log", "made"]] {
            assert_eq!(missing(files), "", "{files:?}");
        }
        for (files, what) in [
            (&["nowhere"][..], "DIR/nowhere is a link to DIR/no/such"),
            (&["nowhere/log"], "DIR/nowhere is a link to DIR/no/such"),
            (&["to_nowhere"], "DIR/to_nowhere is a link to DIR/no/such"),
            (&["behind"], "DIR/behind is a link to DIR/nowhere/log"),
            (&["made"], "DIR/made is a link to DIR/a/log.1"),
            (&["loop"], "DIR/loop is a link to DIR/loop"),
            (&["loop/log"], "DIR/loop is a link to DIR/loop"),
            (&["nowhere/a/log"], "there is no directory DIR/nowhere/a"),
        ] {
            let errors = missing(files);

            assert!(errors.starts_with(&format!("error: {what}")), "{errors}");
        }
    }

    #[test]
    fn what_options_name_is_told_without_a_place() {
        let address = crate::config::SPREAD_DEFAULT.parse().unwrap();
        let config = Config::single(address, "g".parse().unwrap(), "no/such/log");

        assert_eq!(
            config.missing().unwrap().to_string(),
            "error: there is no directory no/such, nor one to make it in\n\n"
        );
    }
}
