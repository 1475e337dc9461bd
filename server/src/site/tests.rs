//! What the document root gives and refuses, by both ways of looking up.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use proptest::prelude::*;
use tempfile::TempDir;

use super::file::SMALL_FILE_MAX;
use super::root::Way;
use super::*;

const WAYS: [Way; 3] = [
    Way::Kernel { cached: true },
    Way::Kernel { cached: false },
    Way::ByHand,
];

/// A root inside a directory that also holds what must never be served.
struct Tree {
    outer: TempDir,
}

impl Tree {
    fn new() -> Self {
        let outer = TempDir::new().unwrap();
        fs::create_dir(outer.path().join("root")).unwrap();
        fs::write(outer.path().join("secret"), "secret").unwrap();
        Self { outer }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.outer.path().join("root").join(name)
    }

    fn file(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn link(&self, target: &str, name: &str) {
        symlink(target, self.path(name)).unwrap();
    }

    fn sites(&self) -> impl Iterator<Item = (Way, Site)> {
        let path = self.path("");
        WAYS.into_iter().map(move |way| {
            let root = Root::open_with(&path, way, None).unwrap();
            (way, Site::at(root))
        })
    }

    /// The answer at `path`, which must be the same by every way.
    fn look(&self, path: &str) -> String {
        let mut answers: Vec<_> = self
            .sites()
            .map(|(_, site)| describe(load(&site, path, Patience::Waiting)))
            .collect();
        answers.dedup();
        assert_eq!(answers.len(), 1, "the ways differ at {path:?}: {answers:?}");
        answers.remove(0)
    }
}

/// Looks `path` up as it stands in a URL: a slash at its end asks for a directory.
fn load(site: &Site, path: &str, patience: Patience) -> Result<Resource, LookupError> {
    let name = path.strip_suffix('/').unwrap_or(path);
    let is_directory = path.is_empty() || name.len() < path.len();
    let place = Place {
        path: name.as_bytes(),
        shown: name.as_bytes(),
        host_len: 0,
        hidden_len: 0,
        is_directory,
    };
    site.load(place, &Wishes::default(), patience)
}

fn describe(outcome: Result<Resource, LookupError>) -> String {
    match outcome {
        Ok(Resource::File(loaded)) => match loaded.file {
            File::Small(file) => String::from_utf8(file.content).unwrap(),
            File::Large(file) => format!("large {}", file.stamp.size),
        },
        Ok(Resource::Listing(page)) => {
            format!("listing {}", std::str::from_utf8(&page.bytes).unwrap())
        }
        Ok(Resource::SlashMissing) => "slash missing".into(),
        Ok(Resource::Program) => "program".into(),
        Err(LookupError::Forbidden(_)) => "forbidden".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_path_gives_the_file_it_names() {
    let tree = Tree::new();
    tree.file("a", "one");
    tree.file("b/c d", "two");

    assert_eq!(tree.look("a"), "one");
    assert_eq!(tree.look("b/c d"), "two");
    assert_eq!(tree.look("b//c d"), "two");
    assert_eq!(tree.look("a/"), "no such file");
    assert_eq!(tree.look("a/x"), "no such file");
    assert_eq!(tree.look("x"), "no such file");
    assert_eq!(tree.look(&"x".repeat(300)), "no such file");
    assert_eq!(tree.look(&"x/".repeat(3000)), "no such file");
}

#[test]
fn a_directory_gives_its_index_or_its_listing() {
    let tree = Tree::new();
    tree.file("with/index.html", "index");
    tree.file("without/file", "");

    assert_eq!(tree.look("with"), "slash missing");
    assert_eq!(tree.look("with/"), "index");
    assert!(tree.look("without/").contains("./file"));
    assert!(tree.look("").contains("./with/"));
}

#[test]
fn links_are_followed_inside_the_root() {
    let tree = Tree::new();
    tree.file("a/file", "inside");
    tree.file("a/deep/x", "");
    tree.link("a/file", "to_file");
    tree.link("a", "to_directory");
    tree.link("../to_directory/deep/../file", "a/around");
    tree.link("to_directory/", "to_link");

    assert_eq!(tree.look("to_file"), "inside");
    assert_eq!(tree.look("to_directory"), "slash missing");
    assert_eq!(tree.look("to_directory/file"), "inside");
    assert_eq!(tree.look("a/around"), "inside");
    assert_eq!(tree.look("to_link/file"), "inside");
    assert_eq!(tree.look("to_file/"), "no such file");
}

/// thttpd serves them, and people write links so.
#[test]
fn an_absolute_link_may_lead_back_into_the_root() {
    let tree = Tree::new();
    tree.file("a/file", "inside");
    let path = |name: &str| tree.path(name).display().to_string();
    tree.link(&path("a/file"), "file");
    tree.link(&path("a"), "directory");
    tree.link(&path(""), "a/root");
    tree.link("file", "twice");
    tree.link(&path("a/../a/./file"), "round");

    for name in [
        "file",
        "directory/file",
        "a/root/a/file",
        "a/root/file",
        "twice",
        "round",
    ] {
        assert_eq!(tree.look(name), "inside", "{name}");
    }
    assert_eq!(tree.look("directory"), "slash missing");
    assert!(tree.look("a/root/").starts_with("listing"));
}

#[test]
fn no_link_leads_out_of_the_root() {
    let tree = Tree::new();
    let absolute = tree.outer.path().join("secret");
    let climbing = tree.path("../secret");
    let beside = format!(
        "{}x/file",
        tree.path("").display().to_string().trim_end_matches('/')
    );
    tree.file("file", "inside");
    tree.link("../secret", "out");
    tree.link(absolute.to_str().unwrap(), "absolute");
    tree.link(climbing.to_str().unwrap(), "absolute_climbing");
    tree.link(&beside, "absolute_beside");
    tree.link("..", "above");
    fs::create_dir(tree.path("d")).unwrap();
    tree.link("../../root/file", "d/out_and_in");
    tree.link("../../secret", "d/index.html");
    tree.link("loop", "loop");
    tree.link("nowhere", "dangling");

    for path in [
        "out",
        "absolute",
        "absolute_climbing",
        "absolute_beside",
        "above",
        "above/secret",
        "above/root/file",
        "d/out_and_in",
        "d/",
        "loop",
    ] {
        assert_eq!(tree.look(path), "forbidden", "{path}");
    }
    assert_eq!(tree.look("dangling"), "no such file");
}

/// `Target` cannot hold these; the root refuses them all the same.
#[test]
fn no_path_leads_out_of_the_root() {
    let tree = Tree::new();
    tree.file("d/file", "inside");

    for (_, site) in tree.sites() {
        for path in ["../secret", "d/../../secret", "/etc/passwd", "..", "../"] {
            let outcome = load(&site, path, Patience::Waiting);
            assert!(outcome.is_err(), "{path}: {outcome:?}");
            let opened = site
                .root
                .open_beneath(path.as_bytes(), READ, Patience::Waiting);
            assert_eq!(opened.unwrap_err(), Errno::XDEV, "{path}");
        }
    }
}

#[test]
fn only_regular_files_are_served_and_nothing_is_waited_for() {
    let tree = Tree::new();
    let made = std::process::Command::new("mkfifo")
        .arg(tree.path("fifo"))
        .status();
    assert!(made.unwrap().success());
    let _listener = UnixListener::bind(tree.path("socket")).unwrap();
    fs::create_dir_all(tree.path("d/index.html")).unwrap();

    assert_eq!(tree.look("fifo"), "forbidden");
    assert_eq!(tree.look("socket"), "forbidden");
    assert_eq!(tree.look("d/"), "forbidden");
    assert!(!tree.look("").contains("fifo"));
}

#[test]
fn hidden_names_are_neither_found_nor_listed() {
    let tree = Tree::new();
    tree.file(".env", "secret");
    tree.file(".git/config", "secret");
    tree.file("d/.htpasswd", "secret");
    tree.file(".well-known/security.txt", "public");
    tree.file("...", "secret");

    for path in [".env", ".git/config", ".git/", "d/.htpasswd", "..."] {
        assert_eq!(tree.look(path), "no such file", "{path}");
    }
    assert_eq!(tree.look(".well-known/security.txt"), "public");
    let listing = tree.look("");
    assert!(!listing.contains(".env"), "{listing}");
}

#[test]
fn a_listing_shows_directories_first_and_only_what_is_served() {
    let tree = Tree::new();
    tree.file("b", "");
    tree.file("a", "12345");
    tree.file("z/x", "");
    tree.link("a", "inside");
    tree.link("../secret", "outside");
    tree.link("nowhere", "dangling");

    let listing = tree.look("");

    let places: Vec<_> = ["./z/", "./a\"", "./b\"", "./inside\""]
        .iter()
        .map(|name| {
            listing
                .find(name)
                .unwrap_or_else(|| panic!("{name}: {listing}"))
        })
        .collect();
    assert!(places.is_sorted(), "{listing}");
    assert!(!listing.contains("outside"), "{listing}");
    assert!(!listing.contains("dangling"), "{listing}");
}

/// What it leads to is as good as the document root, and no further is.
#[test]
fn a_users_link_may_lead_out_and_those_behind_it_not() {
    let tree = Tree::new();
    tree.file("users/bob/x", "bob's");
    tree.file("sub/x", "");
    let home = tree.outer.path().join("home");
    fs::create_dir_all(home.join("sub")).unwrap();
    fs::write(home.join("x"), "home").unwrap();
    fs::write(home.join("sub/index.html"), "index").unwrap();
    for (target, name) in [
        ("x", "in"),
        ("../secret", "up"),
        ("/etc/passwd", "absolute"),
    ] {
        symlink(target, home.join(name)).unwrap();
    }
    for name in ["users/anna", "sub/anna", "anna", "users/file"] {
        tree.link(home.to_str().unwrap(), name);
    }
    fs::remove_file(tree.path("users/file")).unwrap();
    tree.link("../../secret", "users/file");
    tree.link("../../home", "users/relative");
    // Whose home it is can put links to anywhere in its place.
    for (target, name) in [
        ("..", "place"),
        ("/etc", "machine"),
        ("/proc/self/root/etc", "magic"),
        ("place/..", "way"),
    ] {
        symlink(target, home.join(name)).unwrap();
        let link = home.join(name);
        tree.link(link.to_str().unwrap(), &format!("users/{name}"));
    }
    let behind_link = home.join("place/home");
    tree.link(behind_link.to_str().unwrap(), "users/behind");

    for way in WAYS {
        let users = "users".parse().unwrap();
        let has_hosts = false;
        let gates = Some(users::Gates { users, has_hosts });
        let site = Site::at(Root::open_with(&tree.path(""), way, gates).unwrap());
        let look = |path| describe(load(&site, path, Patience::Waiting));
        for (path, expected) in [
            ("users/anna/x", "home"),
            ("users/anna/in", "home"),
            ("users/anna/sub/", "index"),
            ("users/anna/sub", "slash missing"),
            ("users/anna", "slash missing"),
            ("users/relative/x", "home"),
            ("users/bob/x", "bob's"),
            ("users/anna/none", "no such file"),
            ("users/carl/x", "no such file"),
            ("users/anna/up", "forbidden"),
            ("users/anna/absolute", "forbidden"),
            ("users/file", "no such file"),
            ("users/place/secret", "forbidden"),
            ("users/machine/passwd", "forbidden"),
            ("users/magic/passwd", "forbidden"),
            ("users/way/secret", "forbidden"),
            ("users/behind/x", "forbidden"),
            ("sub/anna/x", "forbidden"),
            ("anna/x", "forbidden"),
        ] {
            assert_eq!(look(path), expected, "{path} {way:?}");
        }
        assert!(look("users/anna/").contains("./sub/"));
    }
}

#[test]
fn a_huge_directory_is_listed_in_part() {
    let tree = Tree::new();
    for number in 0..=listing::ENTRIES_MAX {
        tree.file(&format!("f{number}"), "");
    }
    let root = Root::open_with(&tree.path(""), Way::Kernel { cached: true }, None).unwrap();

    let listing = describe(load(&Site::at(root), "", Patience::Waiting));

    assert_eq!(listing.matches("href=\"./f").count(), listing::ENTRIES_MAX);
    assert!(listing.contains("more names"), "{}", &listing[..200]);
}

#[test]
fn what_may_not_be_read_is_forbidden() {
    if rustix::process::geteuid().is_root() {
        // Root reads everything; the refusal is then the kernel's own test.
        return;
    }
    let tree = Tree::new();
    tree.file("file", "");
    tree.file("entered/index.html", "index");
    fs::set_permissions(tree.path("file"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(tree.path("entered"), fs::Permissions::from_mode(0o311)).unwrap();

    assert_eq!(tree.look("file"), "forbidden");
    assert_eq!(tree.look("entered"), "slash missing");
    assert_eq!(tree.look("entered/"), "index");
}

#[test]
fn a_large_file_is_handed_over_open() {
    let tree = Tree::new();
    let small = usize::try_from(SMALL_FILE_MAX).unwrap();
    tree.file("small", &"x".repeat(small));
    tree.file("large", &"x".repeat(small + 1));

    assert_eq!(tree.look("small").len(), small);
    assert_eq!(tree.look("large"), format!("large {}", small + 1));
}

/// The first look may have to wait, but once somebody has waited the answer is in
/// the kernel's caches (on a file system that can tell).
#[test]
fn a_cached_look_never_waits() {
    let tree = Tree::new();
    tree.file("file", "content");

    for (way, site) in tree.sites() {
        let waited = describe(load(&site, "file", Patience::Waiting));
        assert_eq!(waited, "content");
        let cached = describe(load(&site, "file", Patience::Cached));
        if way == (Way::Kernel { cached: true }) {
            let expected = ["content", "the answer is not in memory"];
            assert!(expected.contains(&cached.as_str()), "{cached}");
        } else {
            assert_eq!(cached, "the answer is not in memory");
        }
    }
}

/// A tmpfs forgets at once that a name is not there, so that the kernel's caches alone never
/// answer for a file without side files.
#[test]
fn a_tmpfs_is_never_waited_for() {
    let Ok(outer) = TempDir::new_in("/dev/shm") else {
        return;
    };
    let tree = Tree { outer };
    fs::create_dir(tree.path("")).unwrap();
    tree.file("index.html", "content");
    fs::write(tree.outer.path().join("secret"), "secret").unwrap();
    tree.link("../secret", "out");
    let site = Site::open(&tree.path(""), &SiteOptions::default()).unwrap();
    if !site.root.is_memory() {
        return;
    }

    let look = |path| describe(load(&site, path, Patience::Cached));
    assert_eq!(look("index.html"), "content");
    assert_eq!(look(""), "content");
    assert_eq!(look("none.html"), "no such file");
    // A way out, or into another file system, is for somebody who may wait to tell.
    assert_eq!(look("out"), "the answer is not in memory");
    assert_eq!(describe(load(&site, "out", Patience::Waiting)), "forbidden");
}

#[test]
fn the_stamp_tells_a_changed_file() {
    let tree = Tree::new();
    tree.file("index.html", "one");
    for (_, site) in tree.sites() {
        tree.file("index.html", "one");
        let index = Place {
            path: b"",
            shown: b"",
            host_len: 0,
            hidden_len: 0,
            is_directory: true,
        };
        let before = site.stamps(index, Patience::Waiting).unwrap();
        let by_name = Place {
            path: b"index.html",
            shown: b"index.html",
            host_len: 0,
            hidden_len: 0,
            is_directory: false,
        };
        assert_eq!(site.stamps(by_name, Patience::Waiting), Ok(before));

        tree.file("other", "two");
        fs::rename(tree.path("other"), tree.path("index.html")).unwrap();

        assert_ne!(site.stamps(index, Patience::Waiting), Ok(before));
    }
}

#[test]
fn a_file_is_read_as_far_as_it_goes() {
    let tree = Tree::new();
    tree.file("file", "0123456789");
    let file = OwnedFd::from(fs::File::open(tree.path("file")).unwrap());
    let mut content = [0; 11];

    let read = read_at(&file, &mut content, 0, Patience::Waiting);

    assert_eq!((read, &content), (Ok(10), b"0123456789\0"));
}

proptest! {
    /// Whatever components and links are put together, what comes back is never
    /// the secret, and the ways agree.
    #[test]
    fn nothing_outside_is_ever_served(
        link in "(\\.\\./|d/|e/|\\./|/){0,4}(secret|file|\\.\\.|d)",
        path in "(l/|d/|e/|l|\\.\\./){0,4}(secret|file|l)",
    ) {
        let tree = Tree::new();
        tree.file("d/e/file", "inside");
        tree.file("file", "inside");
        tree.link(&link, "l");
        tree.link(&link, "d/l");

        let answers: Vec<_> = tree
            .sites()
            .map(|(_, site)| {
                let opened = site.root.open_beneath(path.as_bytes(), READ, Patience::Waiting);
                opened.map(|opened| Stamp::of(&rustix::fs::fstat(&opened).unwrap()))
            })
            .collect();

        let [first, second, third] = answers.try_into().unwrap();
        prop_assert_eq!(first, second);
        prop_assert_eq!(first, third);
        if let Ok(stamp) = first {
            let outside = Stamp::of(&rustix::fs::stat(tree.outer.path().join("secret")).unwrap());
            prop_assert_ne!(stamp, outside);
        }
    }
}

/// Whoever asks again within the second gets the page that there is; when too much is kept, it
/// is forgotten.
#[test]
fn a_listing_is_kept_for_the_second_and_within_bounds() {
    let tree = Tree::new();
    tree.file("a", "");
    let site =
        Site::at(Root::open_with(&tree.path(""), Way::Kernel { cached: true }, None).unwrap());
    let page = || match load(&site, "", Patience::Waiting) {
        Ok(Resource::Listing(page)) => page,
        other => panic!("{other:?}"),
    };

    // Not if the second ends in between.
    let twice_the_same = || Arc::ptr_eq(&page(), &page());
    assert!((0..10).any(|_| twice_the_same()));

    let before = page();
    site.listings.count(listing::KEPT_BYTES_MAX + 1);
    assert!(!Arc::ptr_eq(&before, &page()));
}
