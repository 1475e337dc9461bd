//! What a service manager is told: readiness, reloads, the stop, and a line of how it is.
//!
//! A thread of its own tells it, since a manager that does not read may keep whoever does for a
//! second, and the thread that has all this to tell is the one that receives.

use std::fmt::{self, Display};
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use spread_logger::notify::Notifier;

/// The one to be told, if there is one. What is to be told is told before this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Manager {
    thread: Option<(SyncSender<Word>, JoinHandle<()>)>,
}

#[derive(Debug)]
enum Word {
    Ready(String),
    Reloading,
    Status(String),
    Stopping,
}

/// What it is told of the sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Standing {
    /// Spread blocks, and of these, those whose session has joined its groups.
    pub(crate) sessions: usize,
    pub(crate) joined: usize,
    pub(crate) files: usize,
    /// Whether the configuration that was found at the last HUP is not the one at work.
    pub(crate) is_behind: bool,
}

impl Manager {
    /// Whom `NOTIFY_SOCKET` names.
    pub(crate) fn from_env() -> io::Result<Self> {
        let notifier = Notifier::from_env();
        if !notifier.is_heard() {
            return Ok(Self::default());
        }
        let (words, to_be_told) = sync_channel(WORDS_MAX);
        let work = move || {
            for word in to_be_told {
                match word {
                    Word::Ready(status) => notifier.ready(&status),
                    Word::Reloading => notifier.reloading("reading the configuration again"),
                    Word::Status(status) => notifier.status(&status),
                    Word::Stopping => notifier.stopping(),
                }
            }
        };
        let thread = thread::Builder::new().name("systemd".to_owned());
        Ok(Self {
            thread: Some((words, thread.spawn(work)?)),
        })
    }

    pub(crate) fn ready(&self, standing: Standing) {
        self.tell(|| Word::Ready(standing.to_string()));
    }

    pub(crate) fn reloading(&self) {
        self.tell(|| Word::Reloading);
    }

    pub(crate) fn status(&self, standing: Standing) {
        self.tell(|| Word::Status(standing.to_string()));
    }

    pub(crate) fn stopping(&self) {
        self.tell(|| Word::Stopping);
    }

    fn tell(&self, word: impl FnOnce() -> Word) {
        if let Some((words, _)) = &self.thread {
            // A manager that has not read so many will not miss this one.
            let _ = words.try_send(word());
        }
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        if let Some((words, thread)) = self.thread.take() {
            drop(words);
            // It does not panic, and nothing that goes wrong there is of any weight.
            let _ = thread.join();
        }
    }
}

impl Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sessions,
            joined,
            files,
            is_behind,
        } = self;
        write!(f, "{joined} of {sessions} Spread sessions, {files} files")?;
        if *is_behind {
            f.write_str("; the configuration has a mistake, the one of before stays")?;
        }
        Ok(())
    }
}

/// 8: at the end no more than so many seconds are spent on a manager that does not read.
const WORDS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_how_many_sessions_there_are() {
        let mut standing = Standing {
            sessions: 2,
            joined: 1,
            files: 3,
            is_behind: false,
        };
        assert_eq!(standing.to_string(), "1 of 2 Spread sessions, 3 files");

        standing.is_behind = true;

        assert!(standing.to_string().ends_with("the one of before stays"));
    }
}
