//! A configuration written down again, one directive a line: for the law that this is read as the
//! same one. It is built for tests and fuzz targets, and is no part of the library.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use super::{Compression, Config, Destination, Every, LineFormat, Log, Sync};

/// The whole of it; `None` where a value holds both kinds of quotes, or bytes that are no text.
pub fn written(config: &Config) -> Option<String> {
    let mut out = String::new();
    for module in config.modules() {
        let argument = module.argument().map(quoted);
        let argument = argument.unwrap_or(Some(String::new()))?;
        writeln!(out, "LoadModule {} {argument}", quoted(module.name())?).ok()?;
    }
    if let Some(dir) = config.module_dir() {
        line(&mut out, "ModuleDir =", dir.as_os_str().as_bytes())?;
    }
    if let Some(dir) = config.ledger() {
        line(&mut out, "Ledger =", dir.as_os_str().as_bytes())?;
    }
    for lib in config.perl().libs() {
        line(&mut out, "PerlLib", lib.as_os_str().as_bytes())?;
    }
    for module in config.perl().uses() {
        line(&mut out, "PerlUse", module.as_bytes())?;
    }
    for lib in config.python().libs() {
        line(&mut out, "PythonLib", lib.as_os_str().as_bytes())?;
    }
    for module in config.python().imports() {
        line(&mut out, "PythonImport", module.as_bytes())?;
    }
    for spread in config.spreads() {
        writeln!(
            out,
            "Spread {{\nPort = {}",
            quoted(&spread.addresses().to_string())?
        )
        .ok()?;
        for log in spread.logs() {
            out.push_str("Log {\n");
            line(&mut out, "Group =", log.group().to_string().as_bytes())?;
            say_destination(&mut out, log)?;
            say_log(&mut out, log)?;
            out.push_str("}\n");
        }
        if let Some(default) = spread.default() {
            out.push_str("Default {\n");
            say_base(&mut out, default)?;
            say_log(&mut out, default)?;
            out.push_str("}\n");
        }
        out.push_str("}\n");
    }
    Some(out)
}

fn say_destination(out: &mut String, log: &Log) -> Option<()> {
    match log.destination() {
        Some(Destination::Path(path)) => line(out, "File =", path.as_bytes()),
        Some(Destination::Command(command)) => {
            line(out, "File =", &[b"|", command.as_bytes()].concat())
        }
        None => Some(()),
    }
}

fn say_base(out: &mut String, log: &Log) -> Option<()> {
    let Some(Destination::Path(path)) = log.destination() else {
        return None;
    };
    let base = str::from_utf8(path.as_bytes()).ok()?;
    let base = base.strip_suffix("/%{group}")?.replace("%%", "%");
    line(out, "Base =", base.as_bytes())
}

fn say_log(out: &mut String, log: &Log) -> Option<()> {
    for pattern in log.matches() {
        line(out, "Match =", pattern.as_str().as_bytes())?;
    }
    for pattern in log.excludes() {
        line(out, "Exclude =", pattern.as_str().as_bytes())?;
    }
    for condition in log.wheres() {
        line(out, "Where =", condition.as_str().as_bytes())?;
    }
    if let Some(dir) = log.vhost_dir() {
        line(out, "VhostDir =", dir.as_os_str().as_bytes())?;
    }
    if let Some(rewrite) = log.rewrite() {
        line(out, "RewriteTimestamp =", rewrite.as_str().as_bytes())?;
    }
    let modules = log.modules().iter().map(|module| ("ModuleLog", &**module));
    let functions = [
        ("PerlLog", log.perl_log()),
        ("PerlHup", log.perl_hup()),
        ("PythonLog", log.python_log()),
    ];
    let functions = functions
        .into_iter()
        .filter_map(|(name, word)| Some((name, word?)));
    for (name, word) in modules.chain(functions) {
        line(out, name, word.as_bytes())?;
    }
    say_files(out, log)
}

fn say_files(out: &mut String, log: &Log) -> Option<()> {
    let mut say = |name: &str, value: &str| writeln!(out, "{name} = {value}").ok();
    if let Some(size) = log.rotate().size {
        say("Rotate", &format!("{}K", size >> 10))?;
    }
    if let Some(every) = log.rotate().every {
        let value = match every {
            Every::Hourly => "hourly".to_owned(),
            Every::Daily => "daily".to_owned(),
            Every::Weekly => "weekly".to_owned(),
            Every::Duration(time) => format!("{}s", time.as_secs()),
        };
        say("Rotate", &value)?;
    }
    if let Some(form) = log.compress() {
        say(
            "Compress",
            match form {
                Compression::Gzip => "gzip",
                Compression::Zstd => "zstd",
            },
        )?;
    }
    if let Some(files) = log.keep().files {
        say("Keep", &files.to_string())?;
    }
    if let Some(age) = log.keep().age {
        say("Keep", &format!("{}s", age.as_secs()))?;
    }
    if let Some(mode) = log.mode() {
        say("Mode", &format!("{mode:o}"))?;
    }
    match log.sync() {
        Sync::Never => {}
        Sync::Every(time) => say("Sync", &format!("{}s", time.as_secs()))?,
        Sync::Always => say("Sync", "always")?,
    }
    match log.format() {
        LineFormat::Raw => Some(()),
        LineFormat::Json => say("Format", "json"),
    }
}

fn line(out: &mut String, name: &str, value: &[u8]) -> Option<()> {
    let value = quoted(str::from_utf8(value).ok()?)?;
    writeln!(out, "{name} {value}").ok()
}

/// In the quotes that the value does not hold.
fn quoted(value: &str) -> Option<String> {
    let quote = ['"', '\'']
        .into_iter()
        .find(|&quote| !value.contains(quote))?;
    Some(format!("{quote}{value}{quote}"))
}
