//! The Log block: its directives, and what must hold between them.

use std::ops::Range;
use std::time::Duration;

use spread::GroupName;
use spread::stream::announcements;

use super::values::{Kept, Rotation};
use super::{Found, Item, Parser, Slot, Value};
use crate::config::directive::{Key, Place};
use crate::config::findings::quoted;
use crate::config::problem::Problem;
use crate::config::{Destination, Every, LOGS_MAX, Log};
use crate::steps::{Condition, PathTemplate, Pattern};

/// What a Log block says, before all of it is known.
#[derive(Default)]
struct Parts<'t> {
    /// It is a Default block: of groups that nobody names.
    is_default: bool,
    group: Slot<'t>,
    base: Slot<'t>,
    file: Slot<'t>,
    vhost_dir: Slot<'t>,
    rewrite: Slot<'t>,
    perl_log: Slot<'t>,
    perl_hup: Slot<'t>,
    python_log: Slot<'t>,
    compress: Slot<'t>,
    mode: Slot<'t>,
    sync: Slot<'t>,
    format: Slot<'t>,
    matches: Vec<Pattern>,
    excludes: Vec<Pattern>,
    wheres: Vec<Condition>,
    modules: Vec<String>,
    rotate_size: Option<(u64, Range<usize>)>,
    rotate_every: Option<(Every, Range<usize>)>,
    keep_files: Option<(u32, Range<usize>)>,
    keep_age: Option<(Duration, Range<usize>)>,
    /// The directives about files, and where they stand.
    of_files: Vec<(Key, &'static str, Range<usize>)>,
}

impl<'t> Parts<'t> {
    /// Where the value of a directive that may stand once is put.
    const fn slot(&mut self, key: Key) -> Option<&mut Slot<'t>> {
        Some(match key {
            Key::Group => &mut self.group,
            Key::Base => &mut self.base,
            Key::File => &mut self.file,
            Key::VhostDir => &mut self.vhost_dir,
            Key::RewriteTimestamp => &mut self.rewrite,
            Key::PerlLog => &mut self.perl_log,
            Key::PerlHup => &mut self.perl_hup,
            Key::PythonLog => &mut self.python_log,
            Key::Compress => &mut self.compress,
            Key::Mode => &mut self.mode,
            Key::Sync => &mut self.sync,
            Key::Format => &mut self.format,
            _ => return None,
        })
    }

    const fn leads_nowhere(&self) -> bool {
        self.file.is_none()
            && self.vhost_dir.is_none()
            && self.modules.is_empty()
            && self.perl_log.is_none()
            && self.perl_hup.is_none()
            && self.python_log.is_none()
    }

    fn has(&self, key: Key) -> bool {
        self.of_files.iter().any(|(of, ..)| *of == key)
    }
}

impl<'t> Parser<'t> {
    pub(super) fn log(&mut self, block: &Found) -> Option<Log> {
        self.open(block);
        self.logs += 1;
        if self.logs == LOGS_MAX + 1 {
            self.errors.push(Problem::TooManyLogs, block.span.clone());
        }
        let mut parts = Parts {
            is_default: block.directive.key == Key::Default,
            ..Parts::default()
        };
        let errors = self.errors.list.len();
        while let Item::Directive(found) = self.item(Place::Log, Some(block)) {
            let key = found.directive.key;
            if let Key::Rotate | Key::Compress | Key::Keep | Key::Mode | Key::Sync = key {
                let name = found.directive.name;
                parts.of_files.push((key, name, found.span.clone()));
            }
            match parts.slot(key) {
                Some(slot) => self.slot(&found, slot),
                None => self.repeatable(&found, &mut parts),
            }
        }
        // What looks missing in a block with an error in it may be what the error is about.
        if self.errors.list.len() == errors {
            self.check_block(block, &parts);
        }
        self.log_of(parts)
    }

    /// A Log names its group and where its lines go; a Default names its directory alone.
    fn check_block(&mut self, block: &Found, parts: &Parts<'_>) {
        if parts.is_default {
            if parts.base.is_none() {
                self.errors.push(Problem::NoBase, block.span.clone());
            }
            for (name, slot) in [
                ("Group", &parts.group),
                ("File", &parts.file),
                ("VhostDir", &parts.vhost_dir),
            ] {
                if let Some(value) = slot {
                    self.errors
                        .push(Problem::NotInDefault(name), value.span.clone());
                }
            }
            return;
        }
        if let Some(base) = &parts.base {
            self.errors.push(Problem::BaseAlone, base.span.clone());
        }
        if parts.group.is_none() {
            self.errors.push(Problem::NoGroup, block.span.clone());
        }
        if parts.leads_nowhere() && parts.base.is_none() {
            self.errors.push(Problem::NoFile, block.span.clone());
        }
    }

    /// The path of the file of each group in the directory of a Default.
    fn base(&mut self, value: &Value<'_>) -> Option<Destination> {
        self.path(value)?;
        let directory = value.word.iter().flat_map(|byte| match byte {
            // It is a directory, and no path with fields.
            b'%' => b"%%".to_vec(),
            byte => vec![*byte],
        });
        let text: Vec<u8> = directory.chain(*b"/%{group}").collect();
        match PathTemplate::parse(&text) {
            Ok(path) => Some(Destination::Path(path)),
            Err(_) => {
                let problem = Problem::File(quoted(value.word));
                self.errors.push(problem, value.span.clone());
                None
            }
        }
    }

    /// A directive that may stand several times.
    fn repeatable(&mut self, found: &Found, parts: &mut Parts<'t>) {
        match found.directive.key {
            Key::Match => parts.matches.extend(self.pattern(found)),
            Key::Exclude => parts.excludes.extend(self.pattern(found)),
            Key::Where => parts.wheres.extend(self.condition(found)),
            Key::ModuleLog => self.module_log(found, &mut parts.modules),
            Key::Rotate => {
                let Some(value) = self.value(found) else {
                    return;
                };
                match self.rotation(&value) {
                    Some(Rotation::Size(size)) => {
                        self.once(found, &mut parts.rotate_size, (size, value.span));
                    }
                    Some(Rotation::Every(every)) => {
                        self.once(found, &mut parts.rotate_every, (every, value.span));
                    }
                    None => {}
                }
            }
            _ => {
                let Some(value) = self.value(found) else {
                    return;
                };
                match self.kept(&value) {
                    Some(Kept::Files(files)) => {
                        self.once(found, &mut parts.keep_files, (files, value.span));
                    }
                    Some(Kept::Age(age)) => {
                        self.once(found, &mut parts.keep_age, (age, value.span));
                    }
                    None => {}
                }
            }
        }
    }

    fn module_log(&mut self, found: &Found, modules: &mut Vec<String>) {
        let Some(value) = self.value(found) else {
            return;
        };
        let Some(module) = self.module(found.directive.name, &value) else {
            return;
        };
        if modules.contains(&module) {
            let problem = Problem::ModuleTwice(quoted(value.word));
            self.warnings.push(problem, value.span.clone());
        }
        self.module_logs.push((module.clone(), value.span));
        modules.push(module);
    }

    /// One kind of a directive's values, which may stand once: the last one counts.
    fn once<T>(
        &mut self,
        found: &Found,
        slot: &mut Option<(T, Range<usize>)>,
        value: (T, Range<usize>),
    ) {
        let span = value.1.clone();
        if let Some((_, first)) = slot.replace(value) {
            self.repeated(found, span, first);
        }
    }

    fn log_of(&mut self, parts: Parts<'t>) -> Option<Log> {
        let errors = self.errors.list.len();
        self.check_files(&parts);
        let announced = GroupName::try_from(announcements()).ok();
        let group = if parts.is_default {
            announced
        } else {
            parts.group.and_then(|value| self.group(&value))
        };
        // A name that is none hides no other mistake of the block.
        let mut log = Log::plain(group.or(announced)?, None);
        log.destination = match &parts.base {
            Some(base) => self.base(base),
            None => parts.file.and_then(|value| self.destination(&value)),
        };
        log.vhost_dir = parts.vhost_dir.and_then(|value| self.path(&value));
        log.rewrite = parts.rewrite.and_then(|value| self.rewrite(&value));
        log.perl_log = parts
            .perl_log
            .and_then(|value| self.perl_function("PerlLog", &value));
        log.perl_hup = parts
            .perl_hup
            .and_then(|value| self.perl_function("PerlHup", &value));
        log.python_log = parts
            .python_log
            .and_then(|value| self.python_name("PythonLog", &value));
        log.compress = parts.compress.and_then(|value| self.compression(&value));
        log.mode = parts.mode.and_then(|value| self.mode(&value));
        let sync = parts.sync.and_then(|value| self.sync(&value));
        log.sync = sync.unwrap_or_default();
        let format = parts.format.and_then(|value| self.format(&value));
        log.format = format.unwrap_or_default();
        log.matches = parts.matches;
        log.excludes = parts.excludes;
        log.wheres = parts.wheres;
        log.modules = parts.modules;
        log.rotate.size = parts.rotate_size.map(|(size, _)| size);
        log.rotate.every = parts.rotate_every.map(|(every, _)| every);
        log.keep.files = parts.keep_files.map(|(files, _)| files);
        log.keep.age = parts.keep_age.map(|(age, _)| age);
        Some(log).filter(|_| group.is_some() && self.errors.list.len() == errors)
    }

    /// What is said of files is said where there are some, and makes sense together.
    fn check_files(&mut self, parts: &Parts<'_>) {
        let is_command = |value: &Value<'_>| value.word.starts_with(b"|");
        let command = parts.file.as_ref().filter(|value| is_command(value));
        if parts.vhost_dir.is_some() {
            if let Some(command) = command {
                self.warnings
                    .push(Problem::CommandUnused, command.span.clone());
            }
        } else if parts.file.is_none() && parts.base.is_none() || command.is_some() {
            for (_, name, span) in &parts.of_files {
                let problem = Problem::FilesOnly(name);
                match command {
                    Some(command) => {
                        let also = (command.span.clone(), "a command");
                        self.errors.push_two(problem, span.clone(), also);
                    }
                    None => self.errors.push(problem, span.clone()),
                }
            }
            return;
        }
        if parts.has(Key::Rotate) {
            return;
        }
        for (key, _, span) in &parts.of_files {
            match key {
                Key::Keep => self.errors.push(Problem::KeepAlone, span.clone()),
                Key::Compress => self.warnings.push(Problem::CompressAlone, span.clone()),
                _ => {}
            }
        }
    }
}
