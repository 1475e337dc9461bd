//! From a configuration to Logs at work: files opened and locked, programs started.
//!
//! What several Logs name is there once: a file however it is spelt, a command by its text, a
//! module by its name, an interpreter of each language.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::child::{
    Child, ChildCounters, Limits, ModuleError, Program, StartError as ChildError, find_module,
};
use crate::config::{Config, Destination, LineFormat, Log, Module, Subscription};
use crate::counters::{Counters, FileCounters};
use crate::online::{Online, OnlineError, OnlineSettings, OnlineSettingsError};
use crate::outlet::{Feed, Hooks, Main, Named, Outlet, Outlets, Pattern};
use crate::past::Past;
use crate::sink::{Care, Shelf, SinkError, Stay};
use crate::steps::{Form, Hosts, Parts, PathTemplate, Steps};

/// Why what a configuration names cannot be put to work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssemblyError {
    /// A log file cannot be written.
    #[error(transparent)]
    File(#[from] SinkError),
    /// The path leads nowhere: it is empty, or begins at a current directory that is gone.
    #[error("cannot tell where the log file `{}` is", .path.display())]
    Path {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A command, module or interpreter cannot be started.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// A module is not there, or is none.
    #[error("LoadModule {name}")]
    Module {
        /// Its name.
        name: String,
        /// Why not.
        source: ModuleError,
    },
    /// Module online is told something that it does not understand.
    #[error("LoadModule online")]
    OnlineSettings(#[from] OnlineSettingsError),
    /// Module online cannot start.
    #[error(transparent)]
    Online(#[from] OnlineError),
}

/// Logs on their way to work.
pub(crate) struct Assembly {
    pub(crate) shelf: Shelf,
    pub(crate) outlets: Outlets,
    /// What is counted of the programs.
    pub(crate) programs: Vec<Arc<ChildCounters>>,
    /// Which counters are an open file's.
    counted: HashMap<usize, usize>,
    commands: HashMap<OsString, Arc<Child>>,
    modules: HashMap<String, Feed>,
    perl: Option<Arc<Child>>,
    python: Option<Arc<Child>>,
    /// Module online of the configuration before, and its counters.
    online_before: Option<Online>,
    pub(crate) past: Past,
}

impl Assembly {
    /// Starts the modules and interpreters of `config`; its files are to be on `shelf`.
    ///
    /// # Errors
    /// When one of them cannot be started.
    pub(crate) fn begin(
        config: &Config,
        shelf: Shelf,
        (online_before, past): (Option<Online>, Past),
    ) -> Result<Self, AssemblyError> {
        let mut assembly = Self {
            shelf,
            outlets: Outlets::default(),
            programs: Vec::new(),
            counted: HashMap::new(),
            commands: HashMap::new(),
            modules: HashMap::new(),
            perl: None,
            python: None,
            online_before,
            past,
        };
        for module in config.modules() {
            let feed = assembly.module(module, config.module_dir())?;
            assembly.modules.insert(module.name().to_owned(), feed);
        }
        let logs = || config.spreads().iter().flat_map(Subscription::all_logs);
        if logs().any(|log| log.perl_log().is_some() || log.perl_hup().is_some()) {
            let perl = config.perl();
            let libs: Vec<PathBuf> = perl.libs().map(Path::to_owned).collect();
            let hups: Vec<String> = logs()
                .filter_map(Log::perl_hup)
                .map(str::to_owned)
                .collect();
            assembly.perl = Some(assembly.child(Program::perl(&libs, perl.uses(), &hups))?);
        }
        if logs().any(|log| log.python_log().is_some()) {
            let python = config.python();
            let libs: Vec<PathBuf> = python.libs().map(Path::to_owned).collect();
            assembly.python = Some(assembly.child(Program::python(&libs, python.imports()))?);
        }
        Ok(assembly)
    }

    /// Puts a Log to work; what those who receive call it.
    ///
    /// # Errors
    /// When its file or its command cannot be had.
    pub(crate) fn add(
        &mut self,
        log: &Log,
        counters: &mut Counters,
    ) -> Result<usize, AssemblyError> {
        let care = Arc::new(Care {
            mode: log.mode(),
            sync: log.sync(),
            rotate: log.rotate(),
            compress: log.compress(),
            keep: log.keep(),
        });
        let (main, mut file) = self.main(log, &care, counters)?;
        let named = match pattern(log)? {
            Some(pattern) => {
                let count = self.past.file(&pattern.described());
                // Lines without a name go to the file of `main`, if there is one, and count there.
                counters.files.push(Arc::clone(&count));
                file = file.or(Some(counters.files.len() - 1));
                Some(Named::new(pattern, care, count))
            }
            None => None,
        };
        let file = file.unwrap_or_else(|| {
            let name = format!("(group {})", log.group());
            counters.files.push(self.past.file(Path::new(&name)));
            counters.files.len() - 1
        });
        counters.logs.push(file);
        let hooks = Hooks::new(Steps::new(rewriting(log)), self.feeds(log));
        let count = counters.files.get(file).cloned().unwrap_or_else(|| {
            // It was put there just now.
            Arc::new(FileCounters::new(PathBuf::new()))
        });
        let outlet = Outlet::new(Steps::new(parts(log)), (main, named), hooks, count);
        self.outlets.logs.push(outlet);
        Ok(self.outlets.logs.len() - 1)
    }

    /// The file or command of a Log, and which counters are its.
    fn main(
        &mut self,
        log: &Log,
        care: &Arc<Care>,
        counters: &mut Counters,
    ) -> Result<(Main, Option<usize>), AssemblyError> {
        match log.destination() {
            Some(Destination::Command(command)) => {
                let child = self.command(command)?;
                let mut name = OsString::from("|");
                name.push(command);
                counters.files.push(self.past.file(Path::new(&name)));
                let main = Main::Feed(Feed::Command(child));
                Ok((main, Some(counters.files.len() - 1)))
            }
            Some(destination @ Destination::Path(_)) => match destination.fixed() {
                Some(path) => {
                    let path = absolute(&path)?;
                    let new = self.past.file(&path);
                    let how = (&new, care);
                    let sink = self.shelf.open(&path, how, Stay::Always, Instant::now())?;
                    let file = *self.counted.entry(sink).or_insert_with(|| {
                        counters.files.push(Arc::clone(&new));
                        counters.files.len() - 1
                    });
                    Ok((Main::File(sink), Some(file)))
                }
                None => Ok((Main::Nowhere, None)),
            },
            None => Ok((Main::Nowhere, None)),
        }
    }

    /// The modules and functions that a Log hands its lines to.
    fn feeds(&self, log: &Log) -> Vec<Feed> {
        let modules = log.modules().iter();
        let mut feeds: Vec<Feed> = modules
            .filter_map(|name| self.modules.get(name).cloned())
            .collect();
        let call = |child: &Option<Arc<Child>>, function: Option<&str>| {
            let child = Arc::clone(child.as_ref()?);
            Some(Feed::Call(child, function?.to_owned()))
        };
        feeds.extend(call(&self.perl, log.perl_log()));
        feeds.extend(call(&self.python, log.python_log()));
        feeds
    }

    fn module(&mut self, module: &Module, directory: Option<&Path>) -> Result<Feed, AssemblyError> {
        let (name, argument) = (module.name(), module.argument());
        if name == Module::ONLINE {
            let settings = OnlineSettings::parse(argument)?;
            let before = self.online_before.take();
            let online = match before.filter(|online| *online.settings() == settings) {
                Some(online) => online,
                None => Online::start(settings)?,
            };
            let feed = Feed::Online(online.handle());
            self.outlets.online = Some(online);
            return Ok(feed);
        }
        let directory = directory.unwrap_or_else(|| Path::new("."));
        let file = find_module(directory, name).map_err(|source| AssemblyError::Module {
            name: name.to_owned(),
            source,
        })?;
        let child = self.child(Program::module(name, &file, argument))?;
        Ok(Feed::Module(child))
    }

    fn command(&mut self, command: &OsStr) -> Result<Arc<Child>, AssemblyError> {
        if let Some(child) = self.commands.get(command) {
            return Ok(Arc::clone(child));
        }
        let child = self.child(Program::command(command))?;
        self.commands.insert(command.to_owned(), Arc::clone(&child));
        Ok(child)
    }

    fn child(&mut self, program: Program) -> Result<Arc<Child>, AssemblyError> {
        let counters = self.past.child(&program.name);
        let child = Arc::new(Child::start_counting(program, Limits::default(), counters)?);
        self.programs.push(child.counters());
        self.outlets.children.push(Arc::clone(&child));
        Ok(child)
    }
}

/// The files that a Log's lines name, if they name any.
fn pattern(log: &Log) -> Result<Option<Pattern>, AssemblyError> {
    if let Some(directory) = log.vhost_dir() {
        return Ok(Some(Pattern::Directory(absolute(directory)?)));
    }
    Ok(match log.destination() {
        Some(Destination::Path(template)) if !template.is_fixed() => {
            let text = Path::new(OsStr::from_bytes(template.as_bytes()));
            // Where it begins; what is made of the rest is known when there is a line.
            let base = if text.is_absolute() {
                PathBuf::from("/")
            } else {
                absolute(Path::new("."))?
            };
            Some(Pattern::Template(template.clone(), base))
        }
        _ => None,
    })
}

/// What is done with each line of a Log.
fn parts(log: &Log) -> Parts {
    let names_host = |template: &PathTemplate| template.names_host();
    let hosts = match log.destination() {
        _ if log.vhost_dir().is_some() => Hosts::Split,
        Some(Destination::Path(template)) if names_host(template) => Hosts::Named,
        _ => Hosts::Unused,
    };
    Parts {
        matches: log.matches().to_vec(),
        excludes: log.excludes().to_vec(),
        wheres: log.wheres().to_vec(),
        rewrite: log.rewrite().cloned(),
        hosts,
        form: match log.format() {
            LineFormat::Raw => Form::Raw,
            LineFormat::Json => Form::Json,
        },
    }
}

/// What is done with a line before modules and functions see it.
fn rewriting(log: &Log) -> Parts {
    Parts {
        rewrite: log.rewrite().cloned(),
        ..Parts::default()
    }
}

fn absolute(path: &Path) -> Result<PathBuf, AssemblyError> {
    std::path::absolute(path).map_err(|source| AssemblyError::Path {
        path: path.to_owned(),
        source,
    })
}
