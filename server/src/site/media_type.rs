//! The media type of a file, by the end of its name.
//!
//! `mime_guess` knows a thousand names and has had no release for two years; the
//! table here comes first, for what it lacks or has outdated. The content is never
//! looked at, and a file without a known ending is bytes: a browser then saves it,
//! where a wrong guess of text or HTML would run it.

/// A media type, with the character set that text is sent as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct MediaType(&'static str);

impl MediaType {
    /// Pages.
    pub(crate) const HTML: Self = Self("text/html");

    /// The type of the file at `path`.
    pub(crate) fn of(path: &[u8]) -> Self {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else {
            return Self(BYTES);
        };
        let Some(ending) = name
            .get(dot + 1..)
            .and_then(|ending| std::str::from_utf8(ending).ok())
        else {
            return Self(BYTES);
        };
        OVERRIDES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(ending))
            .map(|(_, media_type)| *media_type)
            .or_else(|| mime_guess::from_ext(ending).first_raw())
            .map_or(Self(BYTES), Self)
    }

    /// Whether compression makes a file of this type much smaller: text, whatever it is called,
    /// and a few formats that do not compress themselves. Archives are not among them: a
    /// `.tar.gz` is a file of its own, not an encoding of a `.tar` for the way.
    pub(crate) fn is_compressible(self) -> bool {
        let is_text = self.0.starts_with("text/") || self.0.ends_with("+xml");
        is_text || self.0.ends_with("+json") || COMPRESSIBLE.contains(&self.0)
    }

    /// The type as a response has it: with `charset`, if it is text and that is not empty.
    pub(crate) fn in_charset(self, charset: &str) -> String {
        if self.is_text() && !charset.is_empty() {
            format!("{}; charset={charset}", self.0)
        } else {
            self.0.to_owned()
        }
    }

    /// Whether a text type, whose character set is to be said.
    fn is_text(self) -> bool {
        self.0.starts_with("text/") && !self.0.contains("charset")
    }
}

/// What is worth compressing besides text and what is made of JSON and XML.
const COMPRESSIBLE: &[&str] = &[
    "application/javascript",
    "application/json",
    "application/json5",
    "application/postscript",
    "application/rtf",
    "application/toml",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-sh",
    "application/x-sql",
    "application/x-tex",
    "application/xml",
    "application/xml-dtd",
    "application/yaml",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/x-icon",
];

const BYTES: &str = "application/octet-stream";

/// Endings that `mime_guess` does not know, or knows by an older name.
const OVERRIDES: &[(&str, &str)] = &[
    ("apng", "image/apng"),
    ("avif", "image/avif"),
    ("br", "application/octet-stream"),
    ("flac", "audio/flac"),
    ("geojson", "application/geo+json"),
    ("gz", "application/gzip"),
    ("ico", "image/x-icon"),
    ("js", "text/javascript"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("log", "text/plain"),
    ("map", "application/json"),
    ("md", "text/markdown"),
    ("mjs", "text/javascript"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("tgz", "application/gzip"),
    ("toml", "application/toml"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xz", "application/x-xz"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zst", "application/zstd"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(&str, &str)] = &[
        ("index.html", "text/html; charset=utf-8"),
        ("a/b.d/style.css", "text/css; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.mjs", "text/javascript; charset=utf-8"),
        ("app.js.map", "application/json"),
        ("app.wasm", "application/wasm"),
        ("site.webmanifest", "application/manifest+json"),
        ("photo.JPG", "image/jpeg"),
        ("photo.avif", "image/avif"),
        ("photo.jxl", "image/jxl"),
        ("drawing.svg", "image/svg+xml"),
        ("data.json", "application/json"),
        ("page.txt", "text/plain; charset=utf-8"),
        ("archive.tar.gz", "application/gzip"),
        ("a.d/README", "application/octet-stream"),
        ("no-such.ending", "application/octet-stream"),
        ("dot.", "application/octet-stream"),
        ("", "application/octet-stream"),
    ];

    #[test]
    fn the_end_of_the_name_says_the_type() {
        for (path, expected) in CASES {
            let media_type = MediaType::of(path.as_bytes()).in_charset("utf-8");
            assert_eq!(media_type, *expected, "{path}");
        }
    }

    #[test]
    fn what_compresses_itself_is_left_alone() {
        for name in "a.html a.css a.js a.mjs a.json a.svg a.txt a.xml a.wasm a.map a.webmanifest a.ttf a.otf a.eot a.ico a.md a.csv a.rss a.atom a.xhtml a.yaml"
            .split(' ')
        {
            let media_type = MediaType::of(name.as_bytes());
            assert!(media_type.is_compressible(), "{name}: {media_type:?}");
        }
        for name in "a.png a.jpg a.webp a.mp4 a.woff2 a.woff a.zip a.gz a.tar.gz a.tgz a.br a.zst a.js.gz a.tar a.pdf a a.unknown"
            .split(' ')
        {
            assert!(!MediaType::of(name.as_bytes()).is_compressible(), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_bytes() {
        assert_eq!(MediaType::of(b"a.\xff"), MediaType(BYTES));
    }
}
