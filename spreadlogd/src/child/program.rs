//! What is started for a child, and what it reads.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program and how it is fed.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    file: PathBuf,
    arguments: Vec<OsString>,
    pub(super) feed: Feed,
}

/// What a program reads on its standard input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Feed {
    /// Lines. To open its files again it is ended and started again.
    Lines,
    /// Frames, among them one that says to open files again.
    Frames,
    /// The same; what it has read last is what it has ended on.
    Calls,
}

impl Program {
    /// `File = |COMMAND`: a line for the shell.
    pub(crate) fn command(command: &OsStr) -> Self {
        Self {
            name: format!("|{}", command.to_string_lossy()),
            file: SHELL.into(),
            arguments: vec!["-c".into(), command.to_owned()],
            feed: Feed::Lines,
        }
    }

    /// `LoadModule NAME [ARGUMENT]`, found by [`find_module`](super::find_module).
    pub(crate) fn module(name: &str, file: &Path, argument: Option<&str>) -> Self {
        Self {
            name: format!("module {name}"),
            file: file.to_owned(),
            arguments: argument.into_iter().map(Into::into).collect(),
            feed: Feed::Frames,
        }
    }

    /// The Perl that `PerlLog` calls: with its `PerlLib`s, its `PerlUse`s in order, and the
    /// functions of all `PerlHup`s, one for each Log.
    pub(crate) fn perl(libs: &[PathBuf], uses: &[String], hups: &[String]) -> Self {
        let mut arguments = Vec::new();
        for lib in libs {
            arguments.push(joined("-I", lib));
        }
        for module in uses {
            arguments.push(joined("-M", module));
        }
        arguments.extend(["-e".into(), PERL_HOST.into(), "--".into()]);
        arguments.extend(hups.iter().map(Into::into));
        Self {
            name: "Perl".to_owned(),
            file: PERL.into(),
            arguments,
            feed: Feed::Calls,
        }
    }

    /// The Python that `PythonLog` calls: with its `PythonLib`s and `PythonImport`s in order.
    pub(crate) fn python(libs: &[PathBuf], imports: &[String]) -> Self {
        let mut arguments: Vec<OsString> = vec!["-c".into(), PYTHON_HOST.into()];
        for lib in libs {
            arguments.extend(["--lib".into(), lib.into()]);
        }
        for module in imports {
            arguments.extend(["--import".into(), module.into()]);
        }
        Self {
            name: "Python".to_owned(),
            file: PYTHON.into(),
            arguments,
            feed: Feed::Calls,
        }
    }

    pub(super) fn to_command(&self) -> Command {
        let mut command = Command::new(&self.file);
        command.args(&self.arguments);
        command
    }
}

fn joined(option: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut joined = OsString::from(option);
    joined.push(value);
    joined
}

const SHELL: &str = "/bin/sh";
/// From the path, as `perl` and `python3` are called at a prompt.
const PERL: &str = "perl";
const PYTHON: &str = "python3";

/// Given as an argument: standard input is for the frames.
const PERL_HOST: &str = include_str!("host.pl");
const PYTHON_HOST: &str = include_str!("host.py");
