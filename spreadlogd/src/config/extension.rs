//! What is run beside the logs: modules, and the interpreters of Perl and Python.

use std::path::{Path, PathBuf};

/// `LoadModule`: a module by its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Module {
    pub(super) name: String,
    pub(super) argument: Option<String>,
}

impl Module {
    /// What `ModuleLog` calls it: [`Module::ONLINE`], or the name of an executable file in
    /// `ModuleDir`. It is no path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is given at its start.
    #[must_use]
    pub fn argument(&self) -> Option<&str> {
        self.argument.as_deref()
    }

    /// The module that is built in.
    pub const ONLINE: &str = "online";
}

/// What the Perl interpreter begins with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Perl {
    pub(super) libs: Vec<PathBuf>,
    pub(super) uses: Vec<String>,
}

impl Perl {
    /// `PerlLib`: where modules are looked for, in the order of the file.
    pub fn libs(&self) -> impl Iterator<Item = &Path> {
        self.libs.iter().map(PathBuf::as_path)
    }

    /// `PerlUse`: the modules to use, in the order of the file.
    #[must_use]
    pub fn uses(&self) -> &[String] {
        &self.uses
    }
}

/// What the Python interpreter begins with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Python {
    pub(super) libs: Vec<PathBuf>,
    pub(super) imports: Vec<String>,
}

impl Python {
    /// `PythonLib`: where modules are looked for, in the order of the file.
    pub fn libs(&self) -> impl Iterator<Item = &Path> {
        self.libs.iter().map(PathBuf::as_path)
    }

    /// `PythonImport`: the modules to import, in the order of the file.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.imports
    }
}
