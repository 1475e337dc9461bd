//! `rthttpd htpasswd`: password files made and changed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use rthttpd::passwords::{Credentials, PasswordFile};
use support::Root;

/// Exit status and everything that was said.
fn htpasswd(args: &[&str], input: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rthttpd"));
    let command = command.arg("htpasswd").args(args);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who is refused before reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn is_right(root: &Root, user: &str, password: &str) -> bool {
    let (file, errors) = PasswordFile::parse(&fs::read(root.path("f")).unwrap());
    assert_eq!(errors, []);
    let credentials = Credentials::new(user.as_bytes(), password.as_bytes());
    file.verify(&credentials.unwrap()).is_some()
}

#[test]
fn a_file_is_made_changed_and_asked() {
    let root = Root::new();
    let path = root.path("f");
    let file = path.to_str().unwrap();

    let (status, said) = htpasswd(&["-c", "-C", "4", file, "anna"], "one two\n");
    assert_eq!((status, said), (Some(0), format!("{file}: added anna\n")));
    let (status, _) = htpasswd(&["--method", "sha512", "-i", file, "bob"], "three\r\n");
    assert_eq!(status, Some(0));
    assert!(is_right(&root, "anna", "one two") && is_right(&root, "bob", "three"));
    assert!(!is_right(&root, "anna", "three") && !is_right(&root, "bob", "three\r"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("anna:$2y$04$") && text.contains("\nbob:$6$"),
        "{text}"
    );

    let (status, said) = htpasswd(&["-C", "4", file, "anna"], "four");
    assert_eq!((status, said), (Some(0), format!("{file}: changed anna\n")));
    assert_eq!(htpasswd(&["-v", file, "anna"], "four").0, Some(0));
    assert_eq!(htpasswd(&["-v", file, "anna"], "one two").0, Some(1));
    assert_eq!(htpasswd(&["-D", file, "anna"], "").0, Some(0));
    assert_eq!(htpasswd(&["-D", file, "anna"], "").0, Some(1));
    assert_eq!(htpasswd(&["-v", file, "anna"], "four").0, Some(1));
    assert!(is_right(&root, "bob", "three"));
    assert_eq!(fs::read_dir(root.path("")).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    let root = Root::with(&[("f", b"bob:x\n")]);
    let path = root.path("f");
    let file = path.to_str().unwrap();
    let (long, longer) = ("x".repeat(73), "x".repeat(100_000));
    let missing = format!("{file}/none");

    for (args, input, status, part) in [
        (&[file, "a:b"][..], "x", 2, "no user's name"),
        (&[file, ""], "x", 2, "no user's name"),
        (&[file, "a\nb"], "x", 2, "no user's name"),
        (&[file, "anna"], "", 2, "0 bytes"),
        (&[file, "anna"], "\n", 2, "0 bytes"),
        (&[file, "anna"], &long, 2, "1 to 72"),
        (
            &["--method", "sha512", file, "anna"],
            &longer,
            2,
            "1 to 512",
        ),
        (&[&missing, "anna"], "x", 1, "cannot read"),
        (&["/no/such/file", "anna"], "x", 1, "-c makes"),
        (&["-c", "/no/such/file", "anna"], "x", 1, "cannot write"),
        // CVE-2024-23770 (darkhttpd): everybody on the machine can read arguments.
        (&["-b", file, "anna", "secret"], "", 2, "-b"),
        (&[file, "anna", "secret"], "", 2, "unexpected argument"),
    ] {
        let (ended, said) = htpasswd(args, input);
        assert_eq!(ended, Some(status), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    }
    assert_eq!(fs::read(&path).unwrap(), b"bob:x\n");
}

/// CVE-2006-1078 and CVE-2017-17663 (lines longer than their buffer), CVE-2006-1079 (words that a
/// shell would obey), CVE-2005-3124 (a file beside that somebody else has put there).
#[test]
fn holes_of_other_tools() {
    let root = Root::with(&[("f", &[b'x'; 100_000]), ("victim", b"as it was")]);
    let path = root.path("f");
    let file = path.to_str().unwrap();
    for name in ["f.tmp", "f.new", "f~", "f.1"] {
        symlink("victim", root.path(name)).unwrap();
    }

    let user = "$(touch owned);`id`|x";
    let (status, said) = htpasswd(&["-C", "4", file, user], "$(touch owned)\n");
    assert_eq!(status, Some(0), "{said}");
    let (status, _) = htpasswd(&["-C", "4", file, &"u".repeat(256)], "x\n");
    assert_eq!(status, Some(2));

    assert!(!root.path("owned").exists());
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(&"x".repeat(100_000)) && text.contains(user));
    assert_eq!(fs::read(root.path("victim")).unwrap(), b"as it was");
}

#[test]
fn permissions_and_links_stay() {
    let root = Root::with(&[("real", b"")]);
    fs::set_permissions(root.path("real"), fs::Permissions::from_mode(0o604)).unwrap();
    symlink("real", root.path("f")).unwrap();
    let path = root.path("f");

    let (status, said) = htpasswd(&["-C", "4", path.to_str().unwrap(), "anna"], "x");

    assert_eq!(status, Some(0), "{said}");
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    let mode = fs::metadata(root.path("real"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o604);
    assert!(is_right(&root, "anna", "x"));
}
