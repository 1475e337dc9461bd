//! The flags about some paths only: pairs and triples of words, made into rules.

use clap::ArgAction;
use clap::builder::NonEmptyStringValueParser;
use http::PatternError;

use crate::rules::{
    Charset, FallbackPage, HeaderRule, HeaderRuleError, Headers, RedirectRule, RedirectRuleError,
    RefererRule, Rules,
};

/// The rules as they were typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Rules for some paths")]
pub(super) struct RuleArgs {
    /// A field of the responses to paths that match, where `?` is any one character, `*` any but
    /// slashes, `**` any at all and `|` separates alternatives; a later one replaces an earlier
    /// one of its name
    #[arg(
        long,
        num_args = 2,
        value_names = ["PATTERN", "NAME: VALUE"],
        action = ArgAction::Append
    )]
    header: Vec<String>,

    /// Another place for paths that match: 301 or 308 for good, 302, 303 or 307 for now, then the
    /// target, a path or a URI, where `$1` is what the first wildcard stands for
    #[arg(
        long,
        num_args = 3,
        value_names = ["PATTERN", "STATUS", "TARGET"],
        action = ArgAction::Append
    )]
    redirect: Vec<String>,

    /// A page, by its path beneath the document root, for paths that name nothing, if their last
    /// segment has no dot or a browser asks: for sites whose pages are made there
    #[arg(long, value_name = "PAGE", value_parser = NonEmptyStringValueParser::new())]
    fallback: Option<String>,

    /// How many seconds files may be kept by who has got them; -1 says nothing about it, as does
    /// the default, and a rule for Cache-Control says otherwise
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true, value_parser = max_age)]
    max_age: Option<MaxAge>,

    /// The character set that text is said to be in; '' for none [default: utf-8]
    #[arg(long, value_name = "NAME", value_parser = charset)]
    charset: Option<Charset>,

    /// The value of a P3P field in every response
    #[arg(long, value_name = "TEXT")]
    p3p: Option<String>,

    /// Paths that only pages of this site may show: others get 403
    #[arg(long, value_name = "PATTERN")]
    referer_pattern: Option<String>,

    /// The hosts whose pages may show them [default: the host that is asked]
    #[arg(long, value_name = "PATTERN")]
    local_pattern: Option<String>,

    /// Nor may who does not say on which page it is
    #[arg(long)]
    no_empty_referers: bool,
}

/// How long files may be kept.
#[derive(Clone, Copy, Debug)]
struct MaxAge(Option<u32>);

fn max_age(text: &str) -> Result<MaxAge, String> {
    if text == "-1" {
        return Ok(MaxAge(None));
    }
    // RFC 9111 1.2.2: more than 2^31 may overflow where it arrives.
    let seconds = text.parse().ok().filter(|&seconds| seconds <= 1 << 31);
    let seconds = seconds.ok_or("give seconds, from 0 to 2147483648, or -1 for nothing")?;
    Ok(MaxAge(Some(seconds)))
}

fn charset(text: &str) -> Result<Charset, &'static str> {
    Charset::new(text).ok_or("give the name of a character set, such as iso-8859-1")
}

/// A rule that cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// `--header`
    #[error("cannot take --header '{pattern}' '{field}'")]
    Header {
        /// Its first word.
        pattern: String,
        /// Its second.
        field: String,
        /// What is wrong with them.
        source: HeaderRuleError,
    },
    /// `--p3p`
    #[error("cannot take --p3p '{text}'")]
    P3p {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: HeaderRuleError,
    },
    /// `--referer-pattern` or `--local-pattern`
    #[error("cannot take --referer-pattern and --local-pattern")]
    Referer(#[source] PatternError),
    /// `--redirect`
    #[error("cannot take --redirect '{pattern}' '{status}' '{target}'")]
    Redirect {
        /// Its first word.
        pattern: String,
        /// Its second.
        status: String,
        /// Its third.
        target: String,
        /// What is wrong with them.
        source: RedirectRuleError,
    },
}

impl RuleArgs {
    /// The rules that the flags come to.
    pub(super) fn rules(&self) -> Result<Rules, RuleError> {
        let p3p = self.p3p.iter().map(|text| {
            HeaderRule::new("**", &format!("P3P: {text}")).map_err(|source| RuleError::P3p {
                text: text.clone(),
                source,
            })
        });
        let (headers, _) = self.header.as_chunks();
        let headers = headers.iter().map(|[pattern, field]| {
            HeaderRule::new(pattern, field).map_err(|source| RuleError::Header {
                pattern: pattern.clone(),
                field: field.clone(),
                source,
            })
        });
        let (redirects, _) = self.redirect.as_chunks();
        let redirects = redirects.iter().map(|[pattern, status, target]| {
            let rule = RedirectRule::new(pattern, status, target);
            rule.map_err(|source| RuleError::Redirect {
                pattern: pattern.clone(),
                status: status.clone(),
                target: target.clone(),
                source,
            })
        });
        // A rule of the operator's may replace it for some paths.
        let headers = p3p.chain(headers).collect::<Result<_, _>>()?;
        let mut headers = Headers::new(headers);
        if let Some(MaxAge(Some(seconds))) = self.max_age {
            headers = headers.with_max_age(seconds);
        }
        if let Some(charset) = &self.charset {
            headers = headers.with_charset(charset.clone());
        }
        let referers = self.referer_pattern.as_ref().map(|pattern| {
            let local = self.local_pattern.as_deref();
            RefererRule::new(pattern, local, self.no_empty_referers).map_err(RuleError::Referer)
        });
        Ok(Rules {
            headers,
            referers: referers.transpose()?,
            redirects: redirects.collect::<Result<_, _>>()?,
            fallback: self.fallback.as_deref().map(FallbackPage::new),
        })
    }
}
