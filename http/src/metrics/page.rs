//! The page for people: the facts asked for first, then every number.
//!
//! It needs no script and nothing from elsewhere, follows the reader's light or dark, fits a
//! telephone, and loads itself anew now and then. Every text is escaped here.

use std::io::Write;

use super::{Family, Sample, Unit, Value, human};
use crate::{date, escape};

/// The media type.
pub const HTML: &str = "text/html; charset=utf-8";

/// A page about a program.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// The program's name.
    pub program: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The line under the name: what it does and since when.
    pub subtitle: String,
    /// The facts, a section for each part of the program.
    pub sections: &'a [Section],
    /// All numbers.
    pub families: &'a [Family],
}

/// Facts that belong together.
#[derive(Clone, Debug)]
pub struct Section {
    /// What they are about.
    pub title: &'static str,
    /// The facts.
    pub facts: Vec<Fact>,
}

/// Something an operator asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fact {
    label: String,
    value: String,
    note: String,
    tone: Tone,
}

/// Whether a fact is good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// Neither.
    Plain,
    /// It is as it should be.
    Good,
    /// Somebody should look at it: it is repeated at the top.
    Bad,
}

impl Fact {
    /// A fact that is neither good nor bad.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            value: value.into(),
            note: String::new(),
            tone: Tone::Plain,
        }
    }

    /// The same with a few words on what it means.
    #[must_use]
    pub fn note(self, note: impl Into<String>) -> Self {
        Self {
            note: note.into(),
            ..self
        }
    }

    /// The same, known to be good or bad.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

/// 10 s: soon enough for who watches, and long enough to read and to copy.
const REFRESH_SECONDS: u64 = 10;

/// Numbers of a family on the page; a logging host may have a thousand files, and `/metrics` has
/// all of them.
const SAMPLES_SHOWN_MAX: usize = 100;

/// So many are shown whatever they are.
const SAMPLES_FEW: usize = 8;

impl Page<'_> {
    /// The whole page.
    #[must_use]
    pub fn html(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 * 1024);
        // Writing into a Vec cannot fail, here and below.
        let _ = write!(
            out,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"refresh\" content=\"{REFRESH_SECONDS}\">\n<title>"
        );
        text(&mut out, self.program);
        let _ = write!(
            out,
            " status</title>\n<style>\n{STYLE}</style></head>\n<body>\n"
        );
        self.header(&mut out);
        out.extend_from_slice(b"<main>\n");
        for section in self.sections {
            section.write(&mut out);
        }
        out.extend_from_slice(b"</main>\n");
        numbers(&mut out, self.families);
        out.extend_from_slice(
            b"<footer><p>The same numbers: <a href=\"metrics\">for Prometheus</a>, \
              <a href=\"status.json\">as JSON</a>. All of them count from the start of the \
              program.</p></footer>\n</body></html>\n",
        );
        out
    }

    fn header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<header><h1>");
        text(out, self.program);
        out.extend_from_slice(b" <small>");
        text(out, self.version);
        out.extend_from_slice(b"</small></h1>\n<p>");
        text(out, &self.subtitle);
        out.extend_from_slice(b"</p>\n");
        let facts = self.sections.iter().flat_map(|section| &section.facts);
        for fact in facts.filter(|fact| fact.tone == Tone::Bad) {
            out.extend_from_slice(b"<p class=\"alert\" role=\"alert\"><strong>");
            text(out, &fact.label);
            out.extend_from_slice(b": ");
            text(out, &fact.value);
            out.extend_from_slice(b".</strong> ");
            text(out, &fact.note);
            out.extend_from_slice(b"</p>\n");
        }
        out.extend_from_slice(b"</header>\n");
    }
}

impl Section {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<section><h2>");
        text(out, self.title);
        out.extend_from_slice(b"</h2><dl>\n");
        for fact in &self.facts {
            let class = match fact.tone {
                Tone::Plain => "plain",
                Tone::Good => "good",
                Tone::Bad => "bad",
            };
            out.extend_from_slice(b"<div><dt>");
            text(out, &fact.label);
            let _ = write!(out, "</dt><dd class=\"{class}\">");
            text(out, &fact.value);
            // What a bad one means is said at the top.
            if !fact.note.is_empty() && fact.tone != Tone::Bad {
                out.extend_from_slice(b"</dd><dd class=\"note\">");
                text(out, &fact.note);
            }
            out.extend_from_slice(b"</dd></div>\n");
        }
        out.extend_from_slice(b"</dl></section>\n");
    }
}

/// The table of all families.
fn numbers(out: &mut Vec<u8>, families: &[Family]) {
    out.extend_from_slice(b"<section class=\"all\"><h2>Every number</h2><table>\n");
    for family in families {
        out.extend_from_slice(b"<tbody><tr><th scope=\"rowgroup\" colspan=\"2\"><code>");
        text(out, family.name);
        out.extend_from_slice(b"</code> <small>");
        text(out, family.help);
        out.extend_from_slice(b"</small></th></tr>\n");
        // Of many, those that have never counted anything are left out: most statuses, say.
        let is_long = family.samples.len() > SAMPLES_FEW;
        let is_shown = |sample: &&Sample| !is_long || sample.value != Value::Whole(0);
        let told = family.samples.iter().filter(is_shown);
        let mut left_out = family.samples.len();
        for sample in told.take(SAMPLES_SHOWN_MAX) {
            left_out -= 1;
            out.extend_from_slice(b"<tr><td>");
            labels(out, sample);
            out.extend_from_slice(b"</td><td>");
            text(out, &shown(family.unit, sample.value));
            out.extend_from_slice(b"</td></tr>\n");
        }
        if left_out > 0 {
            let _ = writeln!(
                out,
                "<tr><td>{left_out} more at /metrics, those that are 0 among them</td><td></td></tr>"
            );
        }
        out.extend_from_slice(b"</tbody>\n");
    }
    out.extend_from_slice(b"</table></section>\n");
}

fn labels(out: &mut Vec<u8>, sample: &Sample) {
    for (index, (name, value)) in sample.labels.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        text(out, name);
        out.push(b' ');
        text(out, value);
    }
}

fn shown(unit: Unit, value: Value) -> String {
    match (unit, value) {
        (Unit::Bytes, Value::Whole(bytes)) => human::bytes(bytes),
        (Unit::Time, Value::Whole(moment)) => {
            let moment = i64::try_from(moment).unwrap_or(i64::MAX);
            String::from_utf8_lossy(&date::format(moment)).into_owned()
        }
        (Unit::Seconds, Value::Whole(seconds)) => human::duration(seconds),
        (Unit::Seconds, Value::Real(seconds)) => format!("{seconds:.2} s"),
        (_, Value::Whole(value)) => human::count(value),
        (_, Value::Real(value)) => value.to_string(),
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    escape::html(out, text.as_bytes());
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6675;--line:#dfe3e9;--card:#fff;--back:#f4f6f8;
--good:#17713a;--bad:#a3190f;--bad-back:#fdecea}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--line:#2f3743;--card:#1b212a;
--back:#12161c;--good:#5ecb87;--bad:#ff8d83;--bad-back:#3a1a18}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.5rem clamp(.75rem,3vw,2rem);background:var(--back);
color:var(--ink);font:1rem/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
h1{margin:0;font-size:1.6rem;line-height:1.2}
h2{margin:0 0 .4rem;font-size:.8rem;letter-spacing:.06em;text-transform:uppercase;color:var(--soft)}
small{font-weight:400;color:var(--soft);font-size:.82em}
header p{margin:.2rem 0 0;color:var(--soft)}
header .alert{margin:1rem 0 0;padding:.7rem 1rem;border-left:.3rem solid var(--bad);border-radius:.3rem;
background:var(--bad-back);color:var(--ink)}
.alert strong{color:var(--bad)}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(21rem,100%),1fr));gap:1rem;
margin:1.25rem 0}
section{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem 1.2rem}
dl{margin:0}
dl div{display:flex;flex-wrap:wrap;gap:0 1rem;justify-content:space-between;padding:.3rem 0;
border-top:1px solid var(--line)}
dl div:first-child{border-top:0}
dt{color:var(--soft)}
dd{margin:0 0 0 auto;text-align:right;font-weight:600;overflow-wrap:anywhere;min-width:0}
dd.note{flex-basis:100%;font-weight:400;font-size:.82em;color:var(--soft)}
dd.good{color:var(--good)}
dd.good::before{content:'\\2713\\00a0'}
dd.bad{color:var(--bad)}
dd.bad::before{content:'!\\00a0'}
.all{overflow-x:auto}
table{border-collapse:collapse;width:100%;max-width:50rem;font-size:.9rem}
th{text-align:left;font-weight:400;padding:.7rem 0 .1rem;border-top:1px solid var(--line)}
tbody:first-child th{border-top:0}
th code{font-weight:600;overflow-wrap:anywhere}
th small{display:block}
td{padding:.05rem 0;color:var(--soft);overflow-wrap:anywhere}
td+td{text-align:right;color:var(--ink);white-space:nowrap;padding-left:1rem}
footer{color:var(--soft);font-size:.9rem}
a{color:inherit}
";
