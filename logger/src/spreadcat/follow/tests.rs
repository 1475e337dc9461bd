//! Whatever happens to a file and to who follows it: no line is lost, and none is read twice but by
//! a kill.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::handover::Form;
use super::super::stop::{Stop, stop};
use super::place::Place;
use super::*;
use crate::queue::{Drain, line_ring};

#[derive(Clone, Debug)]
enum Step {
    /// So many lines are written, and perhaps the beginning of another.
    Write(usize, bool),
    /// To the file that was renamed last, whose writer has not noticed yet.
    WriteToRenamed(usize),
    Rename,
    CopyAndTruncate,
    Read,
    /// What is read until now is safe.
    Secure,
    /// Places are remembered.
    Save,
    /// All that was read is safe, and remembered; then it is started again.
    Restart,
    /// It is started again with the places that were remembered last.
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..5, any::<bool>()).prop_map(|(lines, open)| Step::Write(lines, open)),
        1 => (1_usize..3).prop_map(Step::WriteToRenamed),
        1 => Just(Step::Rename),
        1 => Just(Step::CopyAndTruncate),
        4 => Just(Step::Read),
        2 => Just(Step::Secure),
        2 => Just(Step::Save),
        1 => Just(Step::Restart),
        1 => Just(Step::Kill),
    ]
}

/// A file with its writer and its reader.
struct Scene {
    dir: TempDir,
    path: PathBuf,
    written: Vec<String>,
    /// The line that has no newline yet.
    open: Option<String>,
    renamed: Option<File>,
    /// Names and lines given until now.
    names: usize,
    reader: Reader,
    read: Vec<String>,
    remembered: Vec<Place>,
    was_killed: bool,
}

struct Reader {
    followed: Followed,
    handover: Handover,
    drain: Drain,
    secured: Vec<u64>,
    _stop: Stop,
}

impl Reader {
    fn new(path: &Path, places: Vec<Place>) -> Self {
        let (stop, stopping) = stop().unwrap();
        let (log, drain) = line_ring(0);
        let form = Form {
            line_max: 1024,
            vhost: None,
        };
        let mut handover = Handover::new(form, vec![log], stopping);
        handover.set_patience(Patience::None);
        Self {
            followed: Followed::open(path, Some(places), Duration::from_secs(3600)).unwrap(),
            handover,
            drain,
            secured: vec![0],
            _stop: stop,
        }
    }

    fn turn(&mut self, read: &mut Vec<String>) {
        let mut buffer = vec![0; 4096];
        let mut quiet = 0;
        // A successor is looked for when there is nothing more, and then read.
        while quiet < 3 {
            self.followed.turn(&mut self.handover, &mut buffer);
            let mut text = Vec::new();
            self.drain.drain(|piece| text.extend_from_slice(piece));
            quiet = if text.is_empty() { quiet + 1 } else { 0 };
            let text = String::from_utf8(text).unwrap();
            read.extend(text.lines().map(str::to_owned));
        }
    }

    fn places(&mut self) -> Vec<Place> {
        let mut places = Places::new();
        self.followed.settle(&self.secured, &mut places);
        places.into_iter().map(|(_, place)| place).collect()
    }
}

impl Scene {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("log");
        File::create(&path).unwrap();
        let mut reader = Reader::new(&path, Vec::new());
        Self {
            remembered: reader.places(),
            reader,
            dir,
            path,
            written: Vec::new(),
            open: None,
            renamed: None,
            names: 0,
            read: Vec::new(),
            was_killed: false,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Write(lines, leaves_open) => {
                let mut file = OpenOptions::new().append(true).open(&self.path).unwrap();
                self.close(&mut file);
                self.write(&mut file, *lines);
                if *leaves_open {
                    let line = self.next_line();
                    file.write_all(line.as_bytes()).unwrap();
                    self.open = Some(line);
                }
            }
            Step::WriteToRenamed(lines) => {
                if let Some(mut file) = self.renamed.take() {
                    self.write(&mut file, *lines);
                    self.renamed = Some(file);
                }
            }
            Step::Rename => {
                self.look_before_rotation();
                let mut file = OpenOptions::new().append(true).open(&self.path).unwrap();
                self.close(&mut file);
                self.renamed = Some(file);
                let name = self.next_name();
                fs::rename(&self.path, name).unwrap();
                File::create(&self.path).unwrap();
            }
            Step::CopyAndTruncate => {
                let mut file = OpenOptions::new().append(true).open(&self.path).unwrap();
                self.close(&mut file);
                self.write(&mut file, 1);
                // A copy is known by what it begins with, once that is remembered.
                self.look_before_rotation();
                self.write(&mut file, 1);
                let name = self.next_name();
                fs::copy(&self.path, name).unwrap();
                file.set_len(0).unwrap();
                self.write(&mut file, 1);
            }
            Step::Read => self.reader.turn(&mut self.read),
            Step::Secure => self.reader.secured = self.reader.handover.given().to_vec(),
            Step::Save => self.remembered = self.reader.places(),
            Step::Restart => {
                self.reader.secured = self.reader.handover.given().to_vec();
                self.remembered = self.reader.places();
                self.reader = Reader::new(&self.path, self.remembered.clone());
            }
            Step::Kill => {
                self.was_killed = true;
                self.reader = Reader::new(&self.path, self.remembered.clone());
            }
        }
    }

    /// A file that comes and goes between two looks, or two saves, is not known: rotations are
    /// further apart.
    fn look_before_rotation(&mut self) {
        self.reader.turn(&mut self.read);
        self.remembered = self.reader.places();
    }

    /// Ends the line that is open.
    fn close(&mut self, file: &mut File) {
        if let Some(line) = self.open.take() {
            file.write_all(b"\n").unwrap();
            self.written.push(line);
        }
    }

    fn write(&mut self, file: &mut File, lines: usize) {
        for _ in 0..lines {
            let line = self.next_line();
            writeln!(file, "{line}").unwrap();
            self.written.push(line);
            // The system's own times are too coarse for this.
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.names as u64);
            file.set_modified(time).unwrap();
        }
    }

    fn next_line(&mut self) -> String {
        self.names += 1;
        format!("line {}", self.names)
    }

    fn next_name(&mut self) -> PathBuf {
        self.names += 1;
        self.dir.path().join(format!("log.{}", self.names))
    }
}

proptest! {
    #[test]
    fn every_line_is_read_and_twice_only_by_a_kill(
        steps in proptest::collection::vec(step(), 0..40),
    ) {
        let mut scene = Scene::new();
        for step in &steps {
            scene.take(step);
        }
        scene.take(&Step::Write(0, false));
        scene.take(&Step::Read);

        let mut read = scene.read;
        read.sort_unstable();
        if scene.was_killed {
            read.dedup();
        }
        let mut written = scene.written;
        written.sort_unstable();
        prop_assert_eq!(read, written);
    }
}
