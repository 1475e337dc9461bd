//! The directives of mod_log_config and mod_logio: their letters, their arguments, and what each
//! asks of the server.

use super::super::error::FormatReason;
use super::strftime::Pattern;
use crate::format::Needs;

/// What one directive writes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Directive {
    Client,
    Peer,
    Local,
    Content { is_hyphen_if_none: bool },
    Received,
    Sent,
    ReceivedAndSent,
    Cookie(Box<str>),
    RequestField(Box<str>),
    ResponseField(Box<str>),
    Referer,
    UserAgent,
    Duration(Unit),
    Fixed(Box<[u8]>),
    Absent,
    File,
    Host,
    NamedHost,
    Protocol,
    RequestsBefore,
    LogId,
    Method,
    Port(PortOf),
    Process(Id),
    Query,
    RequestLine,
    Handler,
    Status,
    Time { at: End, form: TimeForm },
    User,
    Path,
    RawPath,
    Ending,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PortOf {
    Server,
    Local,
    Remote,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Id {
    Process,
    Thread,
    ThreadInHex,
}

/// Which end of the exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Begin,
    End,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum TimeForm {
    /// The text of a second, and where the writer keeps it.
    Text {
        pattern: Pattern,
        slot: usize,
    },
    Since1970(Unit),
    Fraction(Unit),
}

/// What the process has that writes the lines, asked for when a format is read.
pub(super) type Environment<'e> = &'e dyn Fn(&str) -> Option<Vec<u8>>;

impl Directive {
    /// The directive `letter`, which is one or, after `^`, three bytes, with `argument`.
    pub(super) fn new(
        letter: &str,
        argument: Option<&str>,
        environment: Environment<'_>,
    ) -> Result<Self, FormatReason> {
        let none = |directive| match argument {
            None | Some("") => Ok(directive),
            Some(_) => Err(FormatReason::Argument("no argument")),
        };
        let named = |what| match argument {
            None | Some("") => Err(FormatReason::ArgumentMissing(what)),
            Some(name) => Ok(name),
        };
        let of_connection = |client, peer| match argument {
            None | Some("") => Ok(client),
            Some("c") => Ok(peer),
            Some(_) => Err(FormatReason::Argument("{c}, for the connection's, or none")),
        };
        match letter {
            "a" | "h" => of_connection(Self::Client, Self::Peer),
            "A" => none(Self::Local),
            "B" | "b" => none(Self::Content {
                is_hyphen_if_none: letter == "b",
            }),
            "C" => named("%{Name}C, of a cookie").map(|name| Self::Cookie(name.into())),
            "D" => none(Self::Duration(Unit::Microseconds)),
            "e" => {
                let value = environment(named("%{NAME}e, of a variable")?);
                Ok(value.map_or(Self::Absent, |value| Self::Fixed(value.into())))
            }
            "f" => none(Self::File),
            "H" => none(Self::Protocol),
            "I" => none(Self::Received),
            "i" => field(named("%{Name}i, of a field of the request")?).map(request_field),
            "k" => none(Self::RequestsBefore),
            "L" => of_connection(Self::LogId, Self::Absent),
            "l" => none(Self::Absent),
            "m" => none(Self::Method),
            "n" => named("%{Name}n, of a note").map(|_| Self::Absent),
            "O" => none(Self::Sent),
            "o" => field(named("%{Name}o, of a field of the response")?)
                .map(|name| Self::ResponseField(name.into())),
            "P" => process(argument).map(Self::Process),
            "p" => port(argument).map(Self::Port),
            "q" => none(Self::Query),
            "R" => none(Self::Handler),
            "r" => none(Self::RequestLine),
            "S" => none(Self::ReceivedAndSent),
            "s" => none(Self::Status),
            "T" => unit(argument).map(Self::Duration),
            "t" => time(argument.unwrap_or_default()),
            "U" => match argument {
                None | Some("") => Ok(Self::Path),
                Some("raw") => Ok(Self::RawPath),
                Some(_) => Err(FormatReason::Argument("{raw}, for its escapes, or none")),
            },
            "u" => none(Self::User),
            "V" => none(Self::NamedHost),
            "v" => none(Self::Host),
            "X" => none(Self::Ending),
            // There are no trailers, and the time to the first byte is not kept (as Apache does
            // without LogIOTrackTTFB).
            "^ti" => field(named("%{Name}^ti, of a trailer")?).map(|_| Self::Absent),
            "^to" => field(named("%{Name}^to, of a trailer")?).map(|_| Self::Absent),
            "^FB" => none(Self::Absent),
            _ => Err(FormatReason::Unknown {
                nearest: nearest(letter, argument),
            }),
        }
    }

    /// What it has the server gather.
    pub(super) const fn needs(&self) -> Needs {
        let mut needs = Needs {
            details: true,
            ..Needs::NOTHING
        };
        match self {
            Self::Peer | Self::Local | Self::Port(PortOf::Local | PortOf::Remote) => {
                needs.addresses = true;
            }
            Self::Duration(_) | Self::Time { at: End::End, .. } => needs.exact_time = true,
            Self::Time { form, .. } => {
                needs.exact_time = form.is_exact();
                needs.details = needs.exact_time;
            }
            Self::File => needs.file = true,
            Self::Host | Self::NamedHost => needs.host = true,
            Self::Received
            | Self::Sent
            | Self::ReceivedAndSent
            | Self::Cookie(_)
            | Self::RequestField(_)
            | Self::ResponseField(_)
            | Self::RequestsBefore
            | Self::LogId
            | Self::Port(PortOf::Server)
            | Self::Handler
            | Self::Ending => {}
            // All that a record has without details.
            Self::Client
            | Self::Content { .. }
            | Self::Referer
            | Self::UserAgent
            | Self::Fixed(_)
            | Self::Absent
            | Self::Protocol
            | Self::Method
            | Self::Process(_)
            | Self::Query
            | Self::RequestLine
            | Self::Status
            | Self::User
            | Self::Path
            | Self::RawPath => needs.details = false,
        }
        needs
    }
}

impl TimeForm {
    /// Whether it tells more than the second.
    pub(super) const fn is_exact(&self) -> bool {
        matches!(
            self,
            Self::Fraction(_) | Self::Since1970(Unit::Milliseconds | Unit::Microseconds)
        )
    }
}

/// The name of a field, which has to be one that a field can have.
fn field(name: &str) -> Result<&str, FormatReason> {
    // RFC 9110 §5.6.2.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.bytes().all(is_token) {
        Ok(name)
    } else {
        Err(FormatReason::Argument("the name of a field"))
    }
}

/// The two that a record has at hand.
fn request_field(name: &str) -> Directive {
    if name.eq_ignore_ascii_case("referer") {
        Directive::Referer
    } else if name.eq_ignore_ascii_case("user-agent") {
        Directive::UserAgent
    } else {
        Directive::RequestField(name.into())
    }
}

fn process(argument: Option<&str>) -> Result<Id, FormatReason> {
    match argument {
        None | Some("" | "pid") => Ok(Id::Process),
        Some("tid") => Ok(Id::Thread),
        Some("hextid") => Ok(Id::ThreadInHex),
        Some(_) => Err(FormatReason::Argument("{pid}, {tid}, {hextid} or none")),
    }
}

fn port(argument: Option<&str>) -> Result<PortOf, FormatReason> {
    match argument {
        None | Some("" | "canonical") => Ok(PortOf::Server),
        Some("local") => Ok(PortOf::Local),
        Some("remote") => Ok(PortOf::Remote),
        Some(_) => Err(FormatReason::Argument(
            "{canonical}, {local}, {remote} or none",
        )),
    }
}

fn unit(argument: Option<&str>) -> Result<Unit, FormatReason> {
    match argument {
        None | Some("" | "s") => Ok(Unit::Seconds),
        Some("ms") => Ok(Unit::Milliseconds),
        Some("us") => Ok(Unit::Microseconds),
        Some(_) => Err(FormatReason::Argument("{s}, {ms}, {us} or none")),
    }
}

/// The argument of `%t`: when, and how it is written.
fn time(argument: &str) -> Result<Directive, FormatReason> {
    let (at, form) = match (argument.strip_prefix("begin"), argument.strip_prefix("end")) {
        (Some(form), _) if form.is_empty() || form.starts_with(':') => (End::Begin, form),
        (_, Some(form)) if form.is_empty() || form.starts_with(':') => (End::End, form),
        _ => (End::Begin, argument),
    };
    let form = match form.strip_prefix(':').unwrap_or(form) {
        "sec" => TimeForm::Since1970(Unit::Seconds),
        "msec" => TimeForm::Since1970(Unit::Milliseconds),
        "usec" => TimeForm::Since1970(Unit::Microseconds),
        "msec_frac" => TimeForm::Fraction(Unit::Milliseconds),
        "usec_frac" => TimeForm::Fraction(Unit::Microseconds),
        pattern => TimeForm::Text {
            pattern: match pattern {
                "" => Pattern::compile(COMMON)?,
                pattern => Pattern::compile(pattern)?,
            },
            slot: 0,
        },
    };
    Ok(Directive::Time { at, form })
}

/// The time of the Common Log Format.
const COMMON: &str = "[%d/%b/%Y:%H:%M:%S %z]";

/// What somebody may have meant by a letter that is none.
fn nearest(letter: &str, argument: Option<&str>) -> Option<&'static str> {
    let meant = match (letter, argument) {
        // Of mod_ssl and of a letter missed.
        ("x" | "c", _) => return None,
        (_, Some(_)) => ["%{Name}i", "%{Name}o", "%{Name}C", "%{Name}e"].as_slice(),
        _ => PLAIN,
    };
    let last = letter.bytes().last()?;
    let same = |of: &&&str| {
        of.bytes()
            .last()
            .is_some_and(|of| of.eq_ignore_ascii_case(&last))
    };
    meant.iter().find(same).copied()
}

/// The directives without an argument.
const PLAIN: &[&str] = &[
    "%a", "%A", "%b", "%D", "%f", "%h", "%H", "%I", "%k", "%l", "%m", "%O", "%p", "%P", "%q", "%r",
    "%s", "%S", "%t", "%T", "%u", "%U", "%v", "%X", "%L", "%R",
];
