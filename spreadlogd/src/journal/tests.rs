//! A ledger on a real disk: over restarts, deaths and directories that cannot be used.

use std::fs;
use std::path::Path;

use spread::GroupName;
use spread::stream::Instance;

use super::*;
use crate::ledger::Source;
use crate::sink::Identity;

fn source() -> Source {
    Source {
        block: 0,
        instance: Some(Instance::from_random([0; 8])),
        group: GroupName::new("g").unwrap(),
    }
}

fn entry(number: u64, len: u32) -> Entry {
    Entry {
        source: source(),
        number,
        lines: 1,
        len,
        files: 1,
        message_lines: 1,
        message_len: len,
    }
}

fn open(dir: &Path) -> Journal {
    let (directory, kept) = Directory::open(&dir.join("state")).unwrap();
    Journal::begin(recover(kept), Some(directory)).unwrap()
}

fn account(path: &Path) -> FileAccount {
    let length = fs::metadata(path).unwrap().len();
    FileAccount {
        path: path.to_owned(),
        identity: Identity::of_path(path).unwrap(),
        is_ours: true,
        start: length,
        length,
        lines: 0,
        is_open: true,
        used: 0,
    }
}

/// Two messages of three are in the file, and a part of the third, when the process dies; between
/// that and the next start the file may be moved.
#[test]
fn what_a_death_tore_is_cut_wherever_the_file_is_now() {
    for moved in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        fs::write(&log, "old\n").unwrap();
        let mut journal = open(dir.path());
        let file = journal.open_file(account(&log), None);
        journal.prepare(file, 4, &[1, 2, 3].map(|n| entry(n, 4)));
        journal.commit(Stands::Death).unwrap();
        fs::write(&log, "old\none\ntwo\nth").unwrap();
        drop(journal);
        let now = dir.path().join(if moved { "log.1" } else { "log" });
        fs::rename(&log, &now).unwrap();

        let journal = open(dir.path());

        assert_eq!(fs::read(&now).unwrap(), b"old\none\ntwo\n");
        let cut = now.with_file_name(if moved { "log.1.CUT" } else { "log.CUT" });
        assert_eq!(fs::read(cut).unwrap(), b"th\n");
        let account = &journal.ledger().accounts[&source()];
        assert_eq!(account.safe.iter().collect::<Vec<_>>(), [1..=2]);
        assert_eq!(account.lines, 2);
    }
}

/// A crash may be looked at before it is cleared up.
#[test]
fn looking_from_outside_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (log, state) = (dir.path().join("log"), dir.path().join("state"));
    fs::write(&log, "").unwrap();
    let mut journal = open(dir.path());
    let file = journal.open_file(account(&log), None);
    journal.prepare(file, 0, &[1, 2, 3].map(|n| entry(n, 4)));
    journal.commit(Stands::Death).unwrap();
    fs::write(&log, "one\ntwo\nth").unwrap();

    let running = inspect(&state).unwrap();
    drop(journal);
    let dead = inspect(&state).unwrap();

    assert!(matches!(running.keeper, Keeper::Runs(_)));
    assert!(matches!(dead.keeper, Keeper::Gone(at) if at > 0));
    assert_eq!(running.ledger, dead.ledger);
    assert_eq!(dead.ledger.accounts[&source()].lines, 2);
    assert_eq!(fs::read(&log).unwrap(), b"one\ntwo\nth");
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["log", "state"]);
    assert_eq!(open(dir.path()).ledger().accounts, dead.ledger.accounts);
}

#[test]
fn a_checkpoint_and_a_journal_together_are_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    fs::write(&log, "").unwrap();
    let mut journal = open(dir.path());
    let file = journal.open_file(account(&log), None);
    for number in 1..=20_u64 {
        journal.ready().unwrap();
        journal.prepare(file, number - 1, &[entry(number, 1)]);
        journal.commit(Stands::Death).unwrap();
        let mut text = fs::read(&log).unwrap();
        text.push(b'\n');
        fs::write(&log, text).unwrap();
        journal.written(file, &[entry(number, 1)]);
        if number % 7 == 0 {
            journal.checkpoint().unwrap();
        }
    }
    let before = journal.ledger().accounts.clone();
    drop(journal);

    let journal = open(dir.path());

    assert_eq!(
        journal.ledger().accounts[&source()].safe,
        before[&source()].safe
    );
    assert_eq!(journal.ledger().accounts[&source()].lines, 20);
    let names = fs::read_dir(dir.path().join("state")).unwrap();
    assert_eq!(names.count(), 3, "a lock, an image and one journal");
}

#[test]
fn a_directory_has_one_user() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path());

    let error = Directory::open(&dir.path().join("state")).unwrap_err();

    assert!(matches!(error, StateError::Held { .. }), "{error}");
}

#[test]
fn what_is_no_ledger_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = dir.path().join("state/ledger.json");
    drop(open(dir.path()));
    fs::write(&ledger, "nonsense").unwrap();

    let error = Directory::open(&dir.path().join("state")).unwrap_err();

    assert!(matches!(error, StateError::Ledger { .. }), "{error}");
    assert_eq!(fs::read(&ledger).unwrap(), b"nonsense");
}

/// What is prepared after a failure is in an image that was written whole, or nowhere.
#[test]
fn after_a_failure_everything_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path());
    let state = dir.path().join("state");
    let moved = dir.path().join("moved");
    journal.note(&Event::Begun {
        source: source(),
        base: 5,
    });
    // A directory that is gone cannot take a checkpoint.
    fs::rename(&state, &moved).unwrap();
    assert!(journal.checkpoint().is_err());
    assert!(journal.ready().is_err());
    fs::rename(&moved, &state).unwrap();

    journal.ready().unwrap();
    drop(journal);

    assert_eq!(open(dir.path()).ledger().accounts[&source()].base, 5);
}

/// Where a file is to be safe, what it is going to be is safe before: else a message that is in it
/// would come again after a power failure.
#[test]
fn what_is_to_stand_against_a_power_failure_is_synced() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    fs::write(&log, "").unwrap();
    let mut journal = open(dir.path());
    let file = journal.open_file(account(&log), None);
    let commit = |journal: &mut Journal, stands| {
        journal.ready().unwrap();
        journal.prepare(file, 0, &[entry(1, 2)]);
        journal.commit(stands).map_err(|error| error.kind())
    };
    let lost = io::ErrorKind::StorageFull;

    journal.set_sync(|_| Err(io::ErrorKind::StorageFull.into()));
    assert_eq!(commit(&mut journal, Stands::Death), Ok(Committed::Whole));
    for expected in [Ok(Committed::Anew), Err(lost), Err(lost)] {
        assert_eq!(commit(&mut journal, Stands::PowerFailure), expected);
    }
    journal.set_sync(fs::File::sync_data);
    assert_eq!(
        commit(&mut journal, Stands::PowerFailure),
        Ok(Committed::Whole)
    );
}

/// A new one is at no limit: what it does not take, the disk does not.
#[cfg(target_os = "linux")]
#[test]
fn a_new_journal_that_takes_nothing_is_trouble() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    fs::write(&log, "").unwrap();
    let mut journal = open(dir.path());
    for n in 2..5 {
        let journal = dir.path().join("state").join(format!("journal.{n}"));
        std::os::unix::fs::symlink("/dev/full", journal).unwrap();
    }
    let file = journal.open_file(account(&log), None);
    journal.checkpoint().unwrap();
    let mut committed = || {
        journal.ready().unwrap();
        journal.prepare(file, 0, &[entry(1, 2)]);
        journal.commit(Stands::Death).map_err(|error| error.kind())
    };

    let full = Err(io::ErrorKind::StorageFull);
    assert_eq!(
        [(); 4].map(|()| committed()),
        [full, full, full, Ok(Committed::Whole)]
    );
}
