//! The flags about some paths only: pairs and triples of words, made into rules.

use clap::ArgAction;
use clap::builder::NonEmptyStringValueParser;

use crate::rules::{
    FallbackPage, HeaderRule, HeaderRuleError, Headers, RedirectRule, RedirectRuleError, Rules,
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
        Ok(Rules {
            headers: Headers::new(headers.collect::<Result<_, _>>()?),
            redirects: redirects.collect::<Result<_, _>>()?,
            fallback: self.fallback.as_deref().map(FallbackPage::new),
        })
    }
}
