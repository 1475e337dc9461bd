//! The laws of what an operator writes, for any bytes: what the fuzz targets call. It is built for
//! them and for tests, and is no part of the library.

use clap::CommandFactory;

use crate::cli::{Args, conf};

/// A configuration file, with all the options that there are.
pub fn conf(text: &[u8]) {
    let mut command = Args::command();
    command.build();
    conf::law(text, &command);
}

/// What a script says: the same answer at every cut, and no line that begins another.
pub fn cgi(output: &[u8]) {
    crate::cgi::head::law(output);
}

/// The words of one `--log`: what is taken comes to places, of which there is at least one.
pub fn log(text: &[u8]) {
    if let Ok(text) = std::str::from_utf8(text) {
        crate::cli::log_law(text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_log_goes_somewhere_or_is_refused(text in "([a-z]{0,8}|group|file|vhost|format)?(=|=\"|=')?[ -~]{0,40}") {
            super::log(text.as_bytes());
        }
    }

    /// Each option as a word without a value, with one, and with many.
    #[test]
    fn every_option_may_be_a_word_of_a_file() {
        let command = <crate::Args as clap::CommandFactory>::command();
        for option in command.get_arguments().filter_map(clap::Arg::get_long) {
            for text in [
                option.to_owned(),
                format!("{option}=1"),
                format!("{option}=a \"b: c\" d"),
            ] {
                super::conf(text.as_bytes());
            }
        }
    }
}
