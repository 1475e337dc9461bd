//! The same requests to a real Apache 2.4 and to this server, with the same LogFormat, and the two
//! logs side by side.
//!
//! It runs where `/usr/sbin/apache2` is, as in Debian, and passes where it is not. What differs on
//! purpose is in `DIFFERENCES`, and in docs/log-formats.md.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

mod support;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use spread_logger::Format;
use support::{PATIENCE, Root};
use tempfile::TempDir;

const APACHE: &str = "/usr/sbin/apache2";

/// What is compared, and under which name it is complained of.
const DIRECTIVES: &[&str] = &[
    "%%",
    "%a",
    "%{c}a",
    "%A",
    "%h",
    "%l",
    "%u",
    "%r",
    "%>s",
    "%<s",
    "%s",
    "%b",
    "%B",
    "%m",
    "%U",
    "%q",
    "%H",
    "%f",
    "%k",
    "%X",
    "%v",
    "%V",
    "%p",
    "%{canonical}p",
    "%{local}p",
    "%I",
    "%L",
    "%R",
    "%{Referer}i",
    "%{User-agent}i",
    "%{X-One}i",
    "%{X-Many}i",
    "%{X-None}i",
    "%{one}C",
    "%{TWO}C",
    "%{three}C",
    "%{note}n",
    "%{ROLE}e",
    "%{content-type}o",
    "%{Content-Length}o",
    "%{X-None}o",
    "%{Location}o",
    "%{Accept-Ranges}o",
    "%!200,304{Referer}i",
    "%400,404{X-One}i",
    "%200,206b",
    "%{x}^ti",
    "%{x}^to",
    "%^FB",
];

/// Each with a connection of its own: `Connection: close` is added to all, and a Host.
const REQUESTS: &[&str] = &[
    "GET /a.txt HTTP/1.1\r\n",
    "HEAD /a.txt HTTP/1.1\r\n",
    "GET /a.txt?x=%22&y HTTP/1.1\r\nReferer: http://r/ \"q\"\r\nUser-Agent: probe \\ \u{e9} 1\r\n",
    "GET /a%20b.txt HTTP/1.1\r\nX-One: a, b\r\nX-Many: 1\r\nx-many:  2 \r\n",
    "GET /a.txt HTTP/1.1\r\nRange: bytes=1-2\r\nX-One: -\r\n",
    "GET /a.txt HTTP/1.1\r\nCookie: one=1; Two = \"2 2\" ; three=\r\n",
    "GET /a.txt HTTP/1.1\r\nCookie: =x; one\r\nCookie: three=3=3\r\n",
    "GET /d/ HTTP/1.1\r\n",
    "GET /d HTTP/1.1\r\n",
    "GET / HTTP/1.1\r\n",
    "GET /none HTTP/1.1\r\nX-One: here\r\n",
    "GET /%ff%0a\u{e9} HTTP/1.1\r\n",
    "GET http://Other.Example:77/a.txt?q HTTP/1.1\r\n",
    "PUT /a.txt HTTP/1.1\r\nContent-Length: 5\r\n",
    "GET /empty.txt HTTP/1.1\r\n",
    "GET /a.txt HTTP/1.0\r\n",
    "BREW /a.txt HTTP/1.1\r\n",
    "GET /a.txt HTTP/1.1\r\nno field\r\n",
    "GET /../a.txt HTTP/1.1\r\n",
    "GET a HTTP/1.1\r\n",
];

/// What is not told in the same way, and for which requests: all that begin so.
const DIFFERENCES: &[(&str, &str)] = &[
    // What has answered; Apache has a name for what its modules make.
    ("%R", ""),
    // Apache has one for what stands in its error log, which has no such lines here.
    ("%L", ""),
    // A field that reads `-` is told from none.
    ("%{X-One}i", "GET /a.txt HTTP/1.1\r\nRange"),
    // Each line of Cookie is a list of its own.
    ("%{three}C", "GET /a.txt HTTP/1.1\r\nCookie: =x"),
    // The path as it was asked for, not that of the index, nor with its dots taken out.
    ("%U", "GET /d/ "),
    ("%U", "GET / "),
    ("%U", "GET /../"),
    // No file is looked for.
    ("%f", "PUT"),
    ("%f", "BREW"),
    // A request that is refused for its line has no fields.
    ("%V", "BREW"),
    ("%V", "GET /../"),
    // All that had come when it was refused.
    ("%I", "GET a "),
    // Ours stays on the host whatever that is called.
    ("%{Location}o", "GET /d "),
];

/// The error pages are not the same.
const LENGTHS: &[&str] = &["%b", "%B", "%{Content-Length}o"];

#[test]
fn the_lines_are_those_of_a_real_apache() {
    if !Path::new(APACHE).exists() {
        return;
    }
    let root = Root::with(&[
        ("a.txt", b"one\n"),
        ("a b.txt", b"two two\n"),
        ("empty.txt", b""),
        ("d/index.html", b"<p>d</p>"),
        ("index.html", b"<p>root</p>"),
    ]);
    for directory in [root.path(""), root.path("d")] {
        fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
    }
    let text = DIRECTIVES.join("\\t");
    let apache = Apache::start(&root.path(""), &text);
    let theirs = apache.lines_of(REQUESTS);
    let format: Format = text.parse().unwrap();
    let served = root.serve_logging(format, |_| ());
    let port = served.address.port().to_string();
    for request in REQUESTS {
        exchange(served.address, request);
    }
    let ours = served.lines();

    let mut complaints = Vec::new();
    assert_eq!(
        theirs.lines.len(),
        REQUESTS.len(),
        "{}",
        theirs.lines.join("\n")
    );
    assert_eq!(ours.len(), REQUESTS.len(), "{}", ours.join("\n"));
    for ((request, theirs_), ours) in REQUESTS.iter().zip(&theirs.lines).zip(&ours) {
        let theirs_ = theirs_.replace(&theirs.port, "PORT");
        let ours = ours.replace(&port, "PORT");
        let is_page = !ours.contains("\t200\t200\t200\t") && !ours.contains("\t206\t206\t206\t");
        let columns = DIRECTIVES
            .iter()
            .zip(theirs_.split('\t'))
            .zip(ours.split('\t'));
        for ((directive, theirs), ours) in columns {
            let mut known = DIFFERENCES.iter();
            let is_known = known.any(|(of, start)| of == directive && request.starts_with(start));
            if theirs != ours && !is_known && !(is_page && LENGTHS.contains(directive)) {
                let name = request.lines().next().unwrap();
                complaints.push(format!("{name} | {directive} | {theirs} | {ours}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Sends a request and waits for the end of the response.
fn exchange(address: SocketAddr, request: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let content = if request.contains("Content-Length") {
        "12345"
    } else {
        ""
    };
    let (line, fields) = request.split_once("\r\n").unwrap();
    let request =
        format!("{line}\r\nHost: Some.Example:99\r\nConnection: close\r\n{fields}\r\n{content}");
    stream.write_all(&request.into_bytes()).unwrap();
    let mut response = Vec::new();
    // A refusal can end in a reset.
    let _ = stream.read_to_end(&mut response);
}

/// A running Apache.
struct Apache {
    directory: TempDir,
    child: Child,
    port: u16,
}

struct Lines {
    lines: Vec<String>,
    port: String,
}

impl Apache {
    /// Starts it on a port that was free a moment ago, and again if it no longer was.
    fn start(root: &Path, format: &str) -> Self {
        let begun = Instant::now();
        loop {
            let apache = Self::try_start(root, format);
            match apache {
                Ok(apache) => return apache,
                Err(said) => assert!(begun.elapsed() < PATIENCE, "Apache does not start: {said}"),
            }
        }
    }

    fn try_start(root: &Path, format: &str) -> Result<Self, String> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let directory = TempDir::new().unwrap();
        let at = directory.path().display();
        let host = rustix::system::uname();
        let host = host.nodename().to_str().unwrap().to_ascii_lowercase();
        let format = format.replace('"', "\\\"");
        let root = root.display().to_string();
        let root = root.trim_end_matches('/');
        let modules = "/usr/lib/apache2/modules";
        let configuration = format!(
            "ServerRoot {at}\nPidFile {at}/pid\nErrorLog {at}/error\nListen 127.0.0.1:{port}\n\
             LoadModule mpm_event_module {modules}/mod_mpm_event.so\n\
             LoadModule authz_core_module {modules}/mod_authz_core.so\n\
             LoadModule dir_module {modules}/mod_dir.so\n\
             LoadModule mime_module {modules}/mod_mime.so\n\
             TypesConfig {at}/types\nUser www-data\nGroup www-data\nServerName {host}:{port}\n\
             DocumentRoot {root}\nDirectoryIndex index.html\nStartServers 1\n\
             <Directory {root}>\nRequire all granted\n</Directory>\n\
             KeepAlive On\nCustomLog {at}/log \"{format}\"\n"
        );
        let file = directory.path().join("apache.conf");
        fs::write(&file, configuration).unwrap();
        fs::write(
            directory.path().join("types"),
            "text/plain txt\ntext/html html\n",
        )
        .unwrap();
        let child = Command::new(APACHE)
            .args(["-D", "FOREGROUND", "-f"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(fs::File::create(directory.path().join("said")).unwrap())
            .spawn()
            .unwrap();
        let mut apache = Self {
            directory,
            child,
            port,
        };
        loop {
            // It is written once Apache listens. A connection would be no sign: to a port of its own
            // range that nobody listens on, a socket can connect to itself.
            if apache.directory.path().join("pid").exists() {
                return Ok(apache);
            }
            if apache.child.try_wait().unwrap().is_some() {
                return Err(fs::read_to_string(apache.directory.path().join("said")).unwrap());
            }
            std::thread::yield_now();
        }
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The lines of `requests`, once all are there.
    fn lines_of(&self, requests: &[&str]) -> Lines {
        for request in requests {
            exchange(self.address(), request);
        }
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            if lines.len() >= requests.len() && text.ends_with('\n') || begun.elapsed() > PATIENCE {
                return Lines {
                    lines,
                    port: self.port.to_string(),
                };
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        // As its parent sees to its children, it must have the time to.
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}
