//! The throttle file of thttpd: which paths, and how many bytes a second.
//!
//! ```text
//! # all together never take more than so much
//! **              2000-100000
//! **.jpg|**.gif   50000
//! jef/**          20000  burst=40000
//! ```
//!
//! A line is a pattern, then a maximum, or a minimum and a maximum with a dash between them, in
//! bytes a second; `burst=`, how much may come at once after a quiet time, is ours. `K`, `M` and
//! `G` are powers of 1,024. A `#` begins a comment, wherever it stands. thttpd goes on without the
//! lines that it cannot read; a limit that is not there is not noticed until it was needed, so
//! here each is an error. Text in, rules out: `file` reads it.

use std::collections::HashSet;
use std::num::NonZeroU64;

use http::{Pattern, PatternError};

/// How fast the paths that a pattern matches may be sent, all together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ThrottleRule {
    /// Which paths.
    pub pattern: Pattern,
    /// Bytes a second that each response gets at least; whoever cannot be given them is told to
    /// come later. 0 for none.
    pub min: u64,
    /// Bytes a second of all responses together.
    pub max: NonZeroU64,
    /// Bytes that may be sent at once when less than the maximum was sent before.
    pub burst: NonZeroU64,
}

/// What a throttle file says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ThrottleRules(Vec<ThrottleRule>);

/// A line of a throttle file that is no rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: `{text}`")]
pub struct ThrottleLineError {
    /// Which line, from 1.
    pub line: usize,
    /// The line, or its beginning.
    pub text: String,
    /// What is wrong with it.
    pub source: ThrottleRuleError,
}

/// Why a line is no rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ThrottleRuleError {
    /// It is not of the form that all have.
    #[error("write a pattern, a space, then MAX or MIN-MAX bytes a second, as in `**.iso 500000`")]
    Form,
    /// It is not text.
    #[error("it is not UTF-8: write `?` in the pattern for each byte of another encoding")]
    Encoding,
    /// The pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A number is none.
    #[error("`{text}` is no number of bytes: write digits, or digits with K, M or G, as in 64K")]
    Number {
        /// What stands in its place.
        text: String,
    },
    /// Nothing would ever be sent.
    #[error("with a maximum of 0 nothing would ever be sent: write 1 or more")]
    Zero,
    /// It could not be met for a single client.
    #[error("the minimum, {min}, is more than the maximum, {max}: write the smaller number first")]
    Order {
        /// The minimum.
        min: u64,
        /// The maximum.
        max: u64,
    },
    /// The third word is unknown.
    #[error("`{word}` is not known here: the third word can be burst=SIZE, and there is no fourth")]
    Word {
        /// The word.
        word: String,
    },
    /// No timer is so fine.
    #[error(
        "a burst of {burst} is less than a hundredth of a second of the maximum, which no timer \
         keeps to: write {least} or more"
    )]
    Burst {
        /// What was asked for.
        burst: u64,
        /// The least that can be.
        least: u64,
    },
    /// The pattern is there already.
    #[error(
        "the pattern stands in line {line} already, and the smaller maximum would hold: leave one out"
    )]
    Twice {
        /// Where else it is.
        line: usize,
    },
    /// There are too many rules.
    #[error("more than {RULES_MAX} rules: a pattern can have alternatives, as in `**.jpg|**.gif`")]
    TooMany,
}

/// Each is matched with every path asked for: with so many, some 10 microseconds.
const RULES_MAX: usize = 1_000;

/// How much of what is refused is shown.
const SHOWN_MAX: usize = 80;

/// A quarter of a second: what a page consists of comes without a wait after a quiet time, and
/// ten seconds carry no more than 2.5 % above the maximum. thttpd lets each client have a second.
const BURSTS_PER_SECOND: u64 = 4;

/// A burst makes up for timers that are late, by milliseconds on a busy machine. Without any, a
/// client alone would get less than the maximum.
const BURSTS_PER_SECOND_MAX: u64 = 100;

impl ThrottleRule {
    /// A rule with the burst that it has by default.
    pub(super) const fn new(pattern: Pattern, min: u64, max: NonZeroU64) -> Self {
        let burst = match NonZeroU64::new(max.get() / BURSTS_PER_SECOND) {
            Some(burst) => burst,
            None => NonZeroU64::MIN,
        };
        Self {
            pattern,
            min,
            max,
            burst,
        }
    }

    /// Reads a line without its comment.
    fn parse(text: &str) -> Result<Self, ThrottleRuleError> {
        let mut words = text.split_ascii_whitespace();
        let (Some(pattern), Some(rate)) = (words.next(), words.next()) else {
            return Err(ThrottleRuleError::Form);
        };
        let (min, max) = match rate.split_once('-') {
            Some((min, max)) => (bytes(min)?, bytes(max)?),
            None => (0, bytes(rate)?),
        };
        if min > max {
            return Err(ThrottleRuleError::Order { min, max });
        }
        let max = NonZeroU64::new(max).ok_or(ThrottleRuleError::Zero)?;
        let mut rule = Self::new(pattern.parse()?, min, max);
        if let Some(word) = words.next() {
            rule.burst = burst(word, max)?;
        }
        match words.next() {
            Some(word) => Err(unknown(word)),
            None => Ok(rule),
        }
    }
}

impl ThrottleRules {
    /// Reads a throttle file.
    ///
    /// # Errors
    ///
    /// The first line that is none.
    pub fn parse(file: &[u8]) -> Result<Self, ThrottleLineError> {
        let mut rules: Vec<ThrottleRule> = Vec::new();
        let mut lines = Vec::new();
        let mut known = HashSet::new();
        for (index, line) in file.split(|byte| *byte == b'\n').enumerate() {
            let refuse = |source| ThrottleLineError {
                line: index + 1,
                text: shown(line),
                source,
            };
            let rule = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            if rule.trim_ascii().is_empty() {
                continue;
            }
            let rule = str::from_utf8(rule).map_err(|_| refuse(ThrottleRuleError::Encoding))?;
            let rule = ThrottleRule::parse(rule).map_err(refuse)?;
            if !known.insert(rule.pattern.as_str().to_owned()) {
                let mut earlier = rules.iter().zip(&lines);
                let earlier = earlier.find(|(earlier, _)| earlier.pattern == rule.pattern);
                let line = earlier.map_or(index, |(_, line)| *line);
                return Err(refuse(ThrottleRuleError::Twice { line }));
            }
            if rules.len() == RULES_MAX {
                return Err(refuse(ThrottleRuleError::TooMany));
            }
            rules.push(rule);
            lines.push(index + 1);
        }
        Ok(Self(rules))
    }

    /// Rules that were read before.
    pub(super) const fn of(rules: Vec<ThrottleRule>) -> Self {
        Self(rules)
    }

    /// The rules, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &ThrottleRule> {
        self.0.iter()
    }
}

/// Reads `burst=SIZE`, beside a maximum of `max`.
fn burst(word: &str, max: NonZeroU64) -> Result<NonZeroU64, ThrottleRuleError> {
    let size = word.strip_prefix("burst=");
    let size = size.ok_or_else(|| unknown(word))?;
    let burst = bytes(size)?;
    let least = max.get().div_ceil(BURSTS_PER_SECOND_MAX);
    let fits = NonZeroU64::new(burst).filter(|burst| burst.get() >= least);
    fits.ok_or(ThrottleRuleError::Burst { burst, least })
}

/// Reads a number of bytes.
fn bytes(text: &str) -> Result<u64, ThrottleRuleError> {
    let (digits, shift) = match text.as_bytes() {
        [.., b'K' | b'k'] => (text.len() - 1, 10),
        [.., b'M'] => (text.len() - 1, 20),
        [.., b'G'] => (text.len() - 1, 30),
        _ => (text.len(), 0),
    };
    let digits = text.get(..digits).unwrap_or_default();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|_| is_number);
    let number = number.and_then(|number| number.checked_mul(1 << shift));
    number.ok_or_else(|| ThrottleRuleError::Number {
        text: shown(text.as_bytes()),
    })
}

fn unknown(word: &str) -> ThrottleRuleError {
    ThrottleRuleError::Word {
        word: shown(word.as_bytes()),
    }
}

/// A piece of the file as it can be shown.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line.trim_ascii());
    let visible = text.chars().filter(|char| !char.is_control());
    visible.take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::*;

    /// Pattern, minimum, maximum and burst.
    type Told = (String, u64, u64, u64);

    fn parse(text: &str) -> Result<Vec<Told>, (usize, ThrottleRuleError)> {
        let rules = ThrottleRules::parse(text.as_bytes());
        let rules = rules.map_err(|error| (error.line, error.source))?;
        let told = |rule: &ThrottleRule| {
            let pattern = rule.pattern.to_string();
            (pattern, rule.min, rule.max.get(), rule.burst.get())
        };
        Ok(rules.iter().map(told).collect())
    }

    #[test]
    fn thttpds_own_example_is_read() {
        let rules = parse(
            "# thttpd throttle file\n\
             **              2000-100000  # limit total web usage to 2/3 of our T1,\n\
             \t\t\t\t# but never go below 2000 B/s\n\
             **.jpg|**.gif   50000   # limit images to 1/3 of our T1\r\n\
             \n\
             **.mpg\t20000\n\
             jef/**          20000   burst=64K",
        );

        let rule = |pattern: &str, min, max, burst| (pattern.to_owned(), min, max, burst);
        assert_eq!(
            rules.unwrap(),
            [
                rule("**", 2_000, 100_000, 25_000),
                rule("**.jpg|**.gif", 0, 50_000, 12_500),
                rule("**.mpg", 0, 20_000, 5_000),
                rule("jef/**", 0, 20_000, 65_536),
            ]
        );
    }

    #[test]
    fn numbers_may_have_units() {
        for (text, bytes) in [("1", 1), ("64K", 65_536), ("64k", 65_536), ("3M", 3 << 20)] {
            assert_eq!(parse(&format!("x {text}")).unwrap()[0].2, bytes, "{text}");
        }
        let most = parse("x 16G burst=1G").unwrap();
        assert_eq!(most[0], ("x".into(), 0, 16 << 30, 1 << 30));
    }

    /// Each with a part of what is said.
    #[test]
    fn a_line_that_is_no_rule_is_refused_and_says_what_would_be_one() {
        let long = format!("{} 1", "a".repeat(1_025));
        let cases: &[(&str, &str)] = &[
            ("x", "a pattern, a space"),
            ("1000", "a pattern, a space"),
            ("x 0", "ever be sent"),
            ("x 0-0", "ever be sent"),
            ("x 5-4", "smaller number first"),
            ("x -5", "`` is no number"),
            ("x 5-", "`` is no number"),
            ("x 1-2-3", "`2-3` is no number"),
            ("x 1.5M", "`1.5M` is no number"),
            ("x +1", "`+1` is no number"),
            ("x 1KB", "`1KB` is no number"),
            ("x 99999999999999999999", "is no number"),
            ("x 18446744073709551615K", "is no number"),
            ("x 1000 5", "`5` is not known"),
            ("x 1000 2000 3000", "`2000` is not known"),
            ("x 1000 burst=10 y", "`y` is not known"),
            ("x 1000 burst=9", "write 10 or more"),
            ("x 1001 burst=10", "write 11 or more"),
            ("x 1 burst=0", "write 1 or more"),
            ("x 1 burst=y", "`y` is no number"),
            ("********** ** 1", "is no number"),
            ("*/*/*/*/*/*/*/*/*/* 1", "9 are the limit"),
            (&long, "1024 are the limit"),
        ];
        for (text, hint) in cases {
            let (line, error) = parse(&format!("# x\n\n{text}\n")).unwrap_err();
            assert_eq!(line, 3, "{text}");
            let said = error.to_string();
            assert!(said.contains(hint), "{text}: {said}");
        }
    }

    #[test]
    fn what_is_not_text_is_refused_with_what_can_be_shown_of_it() {
        let refused = ThrottleRules::parse(b"a 1\n\xff\x1b[2J 1").unwrap_err();

        assert_eq!(refused.source, ThrottleRuleError::Encoding);
        assert_eq!(refused.to_string(), "line 2: `\u{fffd}[2J 1`");
        for line in ["a \x1b[2J", "a 1 \x1b[2J", "a 1 burst=\x1b[2J"] {
            let refused = ThrottleRules::parse(line.as_bytes()).unwrap_err();
            assert!(!refused.source.to_string().contains('\x1b'), "{line:?}");
        }
    }

    #[test]
    fn a_pattern_stands_in_one_line() {
        let (line, error) = parse("a 1\nb 2\n\na 3").unwrap_err();

        assert_eq!((line, error), (4, ThrottleRuleError::Twice { line: 1 }));
    }

    #[test]
    fn there_are_not_more_rules_than_can_be_matched() {
        let lines = |count: usize| -> String { (0..count).map(|n| format!("x{n} 1\n")).collect() };

        assert_eq!(parse(&lines(RULES_MAX)).unwrap().len(), RULES_MAX);
        let (line, error) = parse(&lines(RULES_MAX + 1)).unwrap_err();
        assert_eq!((line, error), (RULES_MAX + 1, ThrottleRuleError::TooMany));
    }

    proptest! {
        #[test]
        fn no_file_is_too_strange(file in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(rules) = ThrottleRules::parse(&file) {
                assert!(rules.iter().all(|rule| rule.min <= rule.max.get()));
            }
        }

        /// What a rule says can be written, and is read as it was.
        #[test]
        fn a_rule_that_is_written_is_read_back(
            pattern in "[a-z*?|/]{1,12}",
            max in 1..u64::MAX / 2,
            part in 0..=100_u64,
            burst in 0..u64::MAX / 4,
        ) {
            let min = max / 100 * part;
            let burst = burst.max(max.div_ceil(BURSTS_PER_SECOND_MAX));
            if pattern.matches('*').count() <= 9 {
                let read = parse(&format!("{pattern} {min}-{max} burst={burst}"));
                prop_assert_eq!(read, Ok(vec![(pattern, min, max, burst)]));
            }
        }
    }
}
