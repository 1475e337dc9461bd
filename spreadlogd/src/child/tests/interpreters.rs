//! Perl and Python: functions are called as the original calls them, and may die.

use super::*;

const PERL_MODULE: &str = r#"
package Recorder;
use strict;
sub note { open(my $out, '>>', $ENV{RECORDER_OUT} // die) or die; syswrite($out, "@_\n"); }
sub to_file { no strict 'refs'; my ($file) = @_; *note = sub { open(my $out, '>>', $file) or die; syswrite($out, "@_\n") }; }
sub import { no warnings; my (undef, $file) = @_; to_file($file); *main::plain = sub { note('plain', @_) }; }
sub hup { note('hup', scalar @_) }
sub line {
    my ($sender, $group, $message) = @_;
    die "no $message" if $message =~ /bad/;
    exit 0 if $message =~ /quit/;
    chomp $message;
    note($sender, $group, $message, scalar(<STDIN>) // 'empty');
}
1;
"#;

const PYTHON_MODULE: &str = r#"
import sys

def note(*words):
    with open(__file__.replace("recorder.py", "out"), "ab") as out:
        out.write((" ".join(words) + "\n").encode("utf-8", "surrogateescape"))

def line(sender, group, message):
    if "bad" in message:
        raise ValueError("no " + message)
    if "quit" in message:
        sys.exit(0)
    note(sender, group, message.rstrip("\n"), sys.stdin.readline() or "empty")
"#;

fn call(function: &str, body: &'static str) -> Record {
    Record::call(
        function,
        "#web#host",
        "www",
        Bytes::from_static(body.as_bytes()),
    )
}

/// A Perl with the module, and hups for two Logs.
fn perl(place: &Place) -> Child {
    fs::write(place.path("Recorder.pm"), PERL_MODULE).unwrap();
    let uses = [format!("Recorder qw({})", place.path("out").display())];
    let hups = ["Recorder::hup".to_owned(), "Recorder::hup".to_owned()];
    let program = Program::perl(&[place.0.path().to_owned()], &uses, &hups);
    Child::start(program, Limits::default()).unwrap()
}

fn python(place: &Place) -> Child {
    fs::write(place.path("recorder.py"), PYTHON_MODULE).unwrap();
    let program = Program::python(&[place.0.path().to_owned()], &["recorder".to_owned()]);
    Child::start(program, Limits::default()).unwrap()
}

#[test]
fn perl_functions_are_called_and_told_of_a_hup_once_for_each_log() {
    if !has("perl", "-v") {
        return;
    }
    let place = Place::new();
    let child = perl(&place);

    child.push(call("Recorder::line", "one\n")).unwrap();
    child.reopen();
    child.push(call("plain", "\u{e9}\0two")).unwrap();

    let counted = finish(child);
    let expected = "hup 0\nhup 0\n#web#host www one empty\nhup 0\nhup 0\n\
                    plain #web#host www \u{e9}\0two\n";
    assert_eq!(place.text("out"), expected);
    assert_eq!(
        (counted.written, counted.failed, counted.restarts),
        (2, 0, 0)
    );
}

/// The original ended of it; here it costs the message, and no other.
#[test]
fn a_perl_function_that_dies_costs_its_message_alone() {
    if !has("perl", "-v") {
        return;
    }
    let place = Place::new();
    let child = perl(&place);

    for body in ["one", "bad", "two", "quit", "three"] {
        child.push(call("Recorder::line", body)).unwrap();
    }
    child.push(call("Recorder::absent", "nobody's\n")).unwrap();
    child.push(call("Recorder::line", "four")).unwrap();

    let counted = finish(child);
    let lines: Vec<String> = place
        .text("out")
        .lines()
        .filter(|line| !line.starts_with("hup"))
        .map(|line| line.split(' ').nth(2).unwrap().to_owned())
        .collect();
    assert_eq!(lines, ["one", "two", "three", "four"]);
    assert_eq!(
        (counted.written, counted.failed, counted.restarts),
        (7, 3, 3)
    );
}

#[test]
fn a_perl_that_cannot_load_its_modules_keeps_what_it_was_to_get() {
    if !has("perl", "-v") {
        return;
    }
    let place = Place::new();
    let program = Program::perl(&[], &["No::Such::Module".to_owned()], &[]);
    let child = Child::start(program, Limits::default()).unwrap();
    child.push(call("f", "one")).unwrap();
    let inbox = Arc::clone(&child.inbox);

    child.stop(Patience::NONE);
    child.join();

    let counted = Counted::of(inbox.counters());
    assert_eq!((counted.written, counted.lost, counted.failed), (0, 1, 0));
    drop(place);
}

#[test]
fn python_functions_are_called_and_one_that_raises_costs_its_message_alone() {
    if !has("python3", "--version") {
        return;
    }
    let place = Place::new();
    let child = python(&place);

    child.push(call("recorder.line", "one\n")).unwrap();
    for body in ["bad", "\u{e9}", "quit"] {
        child.push(call("line", body)).unwrap();
    }
    child.push(call("absent", "nobody's\n")).unwrap();
    let bytes = Bytes::from_static(b"\xff\0");
    child.push(Record::call("line", "s", "g", bytes)).unwrap();

    let counted = finish(child);
    let out = fs::read(place.path("out")).unwrap();
    let expected = "#web#host www one empty\n#web#host www \u{e9} empty\ns g ";
    assert_eq!(out, [expected.as_bytes(), b"\xff\0 empty\n"].concat());
    assert_eq!(
        (counted.written, counted.failed, counted.restarts),
        (6, 3, 3)
    );
}
