//! The configuration file as it is read: at the start, and again at each HUP.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::thread;

use spread_logger::diagnostics::{Diagnostics, is_coloured};
use spreadlogd::Config;
use spreadlogd::config::BYTES_MAX;
use tokio::sync::oneshot;
use tracing::{debug, warn};

/// A configuration, and the text that it was read from: none where the options are all there is.
#[derive(Debug)]
pub(crate) struct Conf {
    pub(crate) config: Config,
    pub(crate) text: Option<Vec<u8>>,
}

/// What has become of the file since it was read.
#[derive(Debug)]
pub(crate) enum Reread {
    /// Nothing.
    Same,
    /// It says something else.
    Changed(Box<Conf>),
    /// It is wrong, or not to be read; the text for the operator.
    Wrong(String),
}

impl Conf {
    /// Reads a file; the error is the text for the operator.
    pub(crate) fn read(path: &Path, diagnostics: &Diagnostics) -> Result<Self, String> {
        let conf = Self::parse(read(path).map_err(|error| cannot_read(path, &error))?, path)?;
        conf.say_warnings(diagnostics);
        Ok(conf)
    }

    /// What the options say.
    pub(crate) const fn of_options(config: Config) -> Self {
        Self { config, text: None }
    }

    /// Reads the file again, on a thread of its own: what is received meanwhile must not wait for
    /// a disk, or for long patterns to be made ready.
    pub(crate) async fn reread(&self, path: &Path) -> Reread {
        let (done, outcome) = oneshot::channel();
        let (path, before) = (path.to_owned(), self.text.clone());
        let work = move || {
            // There may be nobody left to be told.
            let _ = done.send(compare(&path, before.as_deref()));
        };
        let thread = thread::Builder::new().name("spreadlogd-conf".to_owned());
        if let Err(error) = thread.spawn(work) {
            return Reread::Wrong(format!("error: cannot start a thread: {error}\n"));
        }
        let gone = || Reread::Wrong("error: the configuration was not read to its end\n".into());
        outcome.await.unwrap_or_else(|_| gone())
    }

    /// Says what is odd about it, though not wrong.
    pub(crate) fn say_warnings(&self, diagnostics: &Diagnostics) {
        diagnostics.say(&self.config.warnings().render(is_coloured()));
    }

    fn parse(text: Vec<u8>, path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let config = Config::parse(&text, &name).map_err(|errors| errors.render(is_coloured()))?;
        if let Some(errors) = config.missing() {
            return Err(errors.render(is_coloured()));
        }
        Ok(Self {
            config,
            text: Some(text),
        })
    }
}

fn compare(path: &Path, before: Option<&[u8]>) -> Reread {
    // A pipe (`-c <(…)` in a shell) has said what it had to say, and would be waited for.
    match fs::metadata(path) {
        Ok(data) if data.is_file() => {}
        Ok(_) => {
            debug!("{} is no file that can be read again", path.display());
            return Reread::Same;
        }
        Err(error) => return Reread::Wrong(cannot_read(path, &error)),
    }
    let text = match read(path) {
        Ok(text) if Some(&*text) == before => return Reread::Same,
        Ok(text) => text,
        Err(error) => return Reread::Wrong(cannot_read(path, &error)),
    };
    match Conf::parse(text, path) {
        Ok(conf) => Reread::Changed(Box::new(conf)),
        Err(text) => Reread::Wrong(text),
    }
}

/// The text of a file, one byte more than is allowed at most: the parser says that it is too long.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let limit = BYTES_MAX as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut text)?;
    Ok(text)
}

fn cannot_read(path: &Path, error: &io::Error) -> String {
    format!("error: cannot read {}: {error}\n", path.display())
}

/// Says why the file is not followed.
pub(crate) fn tell_wrong(text: &str, diagnostics: &Diagnostics) {
    diagnostics.say(text);
    warn!("the configuration of before stays");
}
