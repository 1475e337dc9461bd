//! The examples of docs/modules.md, as they are.

use super::*;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/modules")
}

fn message(body: &'static str) -> Record {
    Record::message("#web#host", "www", Bytes::from_static(body.as_bytes()))
}

#[test]
fn the_python_example_writes_down_what_it_is_given() {
    if !has("python3", "--version") {
        return;
    }
    let place = Place::new();
    let out = place.path("out");
    let file = find_module(&examples(), "tail.py").unwrap();
    let program = Program::module("tail.py", &file, out.to_str());
    let child = Child::start(program, Limits::default()).unwrap();

    child.push(message("one\n")).unwrap();
    child.reopen();
    child.push(message("two\nthree\n")).unwrap();

    let counted = finish(child);
    let expected = "#web#host www: one\n(hup)\n#web#host www: two\n#web#host www: three\n";
    assert_eq!(place.text("out"), expected);
    assert_eq!((counted.written, counted.restarts), (3, 0));
}

#[test]
fn the_c_example_counts_lines() {
    if !has("cc", "--version") {
        return;
    }
    let place = Place::new();
    let source = examples().join("count.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Wextra", "-Werror", "-o"]);
    compiler.arg(place.path("count")).arg(source);
    run(&mut compiler);
    let out = place.path("out");
    let file = find_module(place.0.path(), "count").unwrap();
    let program = Program::module("count", &file, out.to_str());
    let child = Child::start(program, Limits::default()).unwrap();

    child.push(message("one\ntwo\n")).unwrap();
    child.reopen();
    child.push(message("three\nfour")).unwrap();
    let empty = Record::message("#s#h", "www", Bytes::new());
    child.push(empty).unwrap();

    let counted = finish(child);
    assert_eq!(place.text("out"), "2 lines\n4 lines\n");
    assert_eq!((counted.written, counted.restarts), (4, 0));
}
