//! What a script is told, RFC 3875 section 4.1: its whole environment, as nothing is inherited.
//!
//! All fields of a request are there as `HTTP_` names, but for those that would mean something
//! else: Proxy, as `HTTP_PROXY` is where programs look for a proxy of their own (CVE-2016-5385 and
//! its kind); Authorization, which is the server's to check (RFC 3875 4.1.18); those about the
//! connection; and names with anything but letters, digits and hyphens, as `X_Real-IP` would be
//! taken for `X-Real-IP`, which a proxy in front may vouch for.
//!
//! There are no command line arguments (RFC 3875 4.4): a query without `=` would be one, and an
//! interpreter takes it for its own options (CVE-2012-1823).

use std::ffi::OsString;
use std::net::IpAddr;
use std::os::unix::ffi::OsStringExt;

use http::{Framing, Method, Request, Version};

/// What is known of a request that calls a script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) query: &'a [u8],
    /// The script's path as clients know it, without a slash before it.
    pub(crate) script: &'a [u8],
    pub(crate) path_info: &'a [u8],
    /// The document root, absolute, without a slash at its end.
    pub(crate) root: &'a [u8],
    /// The script's own path, absolute.
    pub(crate) file: &'a [u8],
    pub(crate) server_name: &'a str,
    pub(crate) port: Option<u16>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_port: Option<u16>,
    pub(crate) user: Option<&'a [u8]>,
    pub(crate) pattern: &'a str,
    pub(crate) time_zone: Option<&'a [u8]>,
}

/// thttpd's `CGI_PATH`, without the directory of BSD 4.3.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Fields that are told otherwise or not at all.
const UNTOLD: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "keep-alive",
    "proxy",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The variables, no name of which stands twice.
pub(crate) fn environment(facts: &Facts<'_>) -> Vec<(OsString, OsString)> {
    let request = facts.request;
    let mut variables = Variables::default();
    variables.put("PATH", PATH);
    variables.put("GATEWAY_INTERFACE", "CGI/1.1");
    variables.put(
        "SERVER_SOFTWARE",
        concat!("rthttpd/", env!("CARGO_PKG_VERSION")),
    );
    variables.put("SERVER_NAME", facts.server_name);
    variables.put("SERVER_PORT", facts.port.unwrap_or(80).to_string());
    let protocol = match request.version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    };
    variables.put("SERVER_PROTOCOL", protocol);
    variables.put("REQUEST_METHOD", method(request.method));
    variables.put("REQUEST_URI", request.target);
    variables.put("QUERY_STRING", facts.query);
    variables.put("DOCUMENT_ROOT", facts.root);
    variables.put("SCRIPT_NAME", [b"/", facts.script].concat());
    variables.put("SCRIPT_FILENAME", facts.file);
    variables.put("CGI_PATTERN", facts.pattern);
    // php-cgi does nothing without it.
    variables.put("REDIRECT_STATUS", "200");
    if !facts.path_info.is_empty() {
        variables.put("PATH_INFO", facts.path_info);
        variables.put("PATH_TRANSLATED", [facts.root, facts.path_info].concat());
    }
    // RFC 3875 4.1.8: it has to be there.
    let client = facts.client.map(|client| client.to_string());
    variables.put("REMOTE_ADDR", client.unwrap_or_default());
    if let Some(port) = facts.client_port {
        variables.put("REMOTE_PORT", port.to_string());
    }
    if let Some(user) = facts.user {
        variables.put("AUTH_TYPE", "Basic");
        variables.put("REMOTE_USER", user);
    }
    if let Some(time_zone) = facts.time_zone {
        variables.put("TZ", time_zone);
    }
    if let Framing::Length(len) = request.framing {
        variables.put("CONTENT_LENGTH", len.to_string());
    }
    variables.fields(request.fields.lines());
    variables.finish()
}

#[derive(Default)]
struct Variables(Vec<(String, Vec<u8>)>);

impl Variables {
    fn put(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.0.push((name.into(), value.as_ref().into()));
    }

    /// Adds the fields of a request, those of one name together (RFC 9110 5.3).
    fn fields(&mut self, lines: &[u8]) {
        for line in lines.split(|byte| *byte == b'\n') {
            let Some((name, value)) = field(line) else {
                continue;
            };
            let lower = name.to_ascii_lowercase();
            if lower == "content-type" {
                self.field("CONTENT_TYPE".into(), value, b", ");
            }
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            if UNTOLD.contains(&lower.as_str()) || !name.bytes().all(is_plain) {
                continue;
            }
            // RFC 6265 5.4: the one field whose values have a separator of their own.
            let separator: &[u8] = if lower == "cookie" { b"; " } else { b", " };
            let name = name.to_ascii_uppercase().replace('-', "_");
            self.field(format!("HTTP_{name}"), value, separator);
            if lower == "referer" {
                // thttpd has it in both spellings.
                self.field("HTTP_REFERRER".into(), value, separator);
            }
        }
    }

    fn field(&mut self, name: String, value: &[u8], separator: &[u8]) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                known.extend_from_slice(separator);
                known.extend_from_slice(value);
            }
            None => self.0.push((name, value.to_vec())),
        }
    }

    fn finish(self) -> Vec<(OsString, OsString)> {
        // No environment can hold a NUL; a target and a field cannot either.
        let whole = |value: &Vec<u8>| !value.contains(&0);
        self.0
            .into_iter()
            .filter(|(_, value)| whole(value))
            .map(|(name, value)| (name.into(), OsString::from_vec(value)))
            .collect()
    }
}

/// Name and value of a field line that lacks its LF.
fn field(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = std::str::from_utf8(line.get(..colon)?).ok()?;
    Some((name, line.get(colon + 1..)?.trim_ascii()))
}

/// As it stands in a request.
const fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Options => "OPTIONS",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Patch => "PATCH",
        Method::Trace => "TRACE",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use http::Limits;

    use super::*;

    fn told(head: &str) -> HashMap<String, String> {
        let request = Request::parse(head.as_bytes(), &Limits::default());
        let request = request.unwrap().unwrap();
        let variables = environment(&Facts {
            request: &request,
            query: b"q=1",
            script: b"cgi-bin/a",
            path_info: b"/more",
            root: b"/www",
            file: b"/www/cgi-bin/a",
            server_name: "www.example",
            port: Some(8080),
            client: Some("192.0.2.7".parse().unwrap()),
            client_port: None,
            user: Some(b"me"),
            pattern: "/cgi-bin/*",
            time_zone: None,
        });
        let count = variables.len();
        let told: HashMap<_, _> = variables
            .into_iter()
            .map(|(name, value)| (name.into_string().unwrap(), value.into_string().unwrap()))
            .collect();
        assert_eq!(told.len(), count, "a name stands twice");
        told
    }

    #[test]
    fn a_script_is_told_what_the_standard_has() {
        let told = told(
            "POST /cgi-bin/a/more?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\
             Content-Type: text/plain\r\nReferer: r\r\n\r\n",
        );

        for (name, value) in [
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("REQUEST_METHOD", "POST"),
            ("REQUEST_URI", "/cgi-bin/a/more?q=1"),
            ("QUERY_STRING", "q=1"),
            ("SCRIPT_NAME", "/cgi-bin/a"),
            ("SCRIPT_FILENAME", "/www/cgi-bin/a"),
            ("PATH_INFO", "/more"),
            ("PATH_TRANSLATED", "/www/more"),
            ("DOCUMENT_ROOT", "/www"),
            ("SERVER_NAME", "www.example"),
            ("SERVER_PORT", "8080"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("REMOTE_ADDR", "192.0.2.7"),
            ("REMOTE_USER", "me"),
            ("AUTH_TYPE", "Basic"),
            ("CONTENT_LENGTH", "3"),
            ("CONTENT_TYPE", "text/plain"),
            ("HTTP_HOST", "x"),
            ("HTTP_REFERER", "r"),
            ("HTTP_REFERRER", "r"),
        ] {
            assert_eq!(told.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(!told.contains_key("HTTP_CONTENT_LENGTH"));
    }

    #[test]
    fn fields_that_would_mean_something_else_are_not_told() {
        let told = told(
            "GET / HTTP/1.1\r\nHost: x\r\nProxy: http://evil\r\nX_Real_IP: 1\r\nX-Real-IP: 2\r\n\
             Authorization: Basic eA==\r\nProxy-Authorization: y\r\nConnection: close\r\n\
             Cookie: a=1\r\nCookie: b=2\r\nX-A: 1\r\nx-a: 2\r\n\r\n",
        );

        assert_eq!(told["HTTP_X_REAL_IP"], "2");
        assert_eq!(told["HTTP_COOKIE"], "a=1; b=2");
        assert_eq!(told["HTTP_X_A"], "1, 2");
        for name in [
            "PROXY",
            "AUTHORIZATION",
            "PROXY_AUTHORIZATION",
            "CONNECTION",
        ] {
            assert!(!told.contains_key(&format!("HTTP_{name}")), "{name}");
        }
        assert!(!told.contains_key("CONTENT_LENGTH"));
    }
}
