//! Why a text is no log format, told so that who wrote it can put it right.

/// The longest format's text: some hundred directives, and more than anybody reads.
pub const FORMAT_LEN_MAX: usize = 4096;

/// A text that is no log format.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{refused}` at byte {at} of the log format: {reason}")]
pub struct FormatError {
    /// The piece that was refused.
    pub refused: String,
    /// Where it begins in the format's text, from 0.
    pub at: usize,
    /// What is wrong with it.
    pub reason: FormatReason,
}

/// What is wrong with a piece of a log format, and what was expected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatReason {
    /// Nothing in it would differ from line to line.
    #[error(
        "no directive (%…) in it, and no name of a format, which are {}{}",
        super::NAMES.join(", "),
        did_you_mean(*.nearest)
    )]
    NoDirective {
        /// The name that was meant, perhaps.
        nearest: Option<&'static str>,
    },
    /// Longer than [`FORMAT_LEN_MAX`].
    #[error("longer than {FORMAT_LEN_MAX} bytes; make it shorter")]
    TooLong,
    /// It ends within a directive.
    #[error("the directive has no letter; a plain percent sign is %%")]
    Unfinished,
    /// A `{` without its `}`.
    #[error("the `{{` has no `}}`")]
    Unclosed,
    /// There is no such letter.
    #[error("there is no such directive{}", did_you_mean(*.nearest))]
    Unknown {
        /// The directive that was meant, perhaps.
        nearest: Option<&'static str>,
    },
    /// The directive needs an argument.
    #[error("it needs an argument: {0}")]
    ArgumentMissing(&'static str),
    /// It takes another argument, or none.
    #[error("it takes {0}")]
    Argument(&'static str),
    /// A status that no response can have.
    #[error("a status has three digits, as in %!200,304{{Referer}}i")]
    Status,
    /// A line end or another control character: a record is one line.
    #[error(
        "a record is one line, which ends by itself; of control characters a tab (\\t) alone may \
         stand in it"
    )]
    Control,
    /// What strftime has not.
    #[error("there is no such conversion in a time; those of strftime(3) without flags are taken")]
    Conversion,
    /// A time whose text is too long.
    #[error(
        "the text of a time may have {} bytes; make it shorter",
        super::TIME_LEN_MAX
    )]
    TimeTooLong,
    /// Too much for one line.
    #[error(
        "with all its directives a line could be longer than {} bytes before any text of a client; \
         leave some out",
        super::LINE_LEN_MAX
    )]
    LineTooLong,
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}
