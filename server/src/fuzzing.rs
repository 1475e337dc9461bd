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

#[cfg(test)]
mod tests {
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
