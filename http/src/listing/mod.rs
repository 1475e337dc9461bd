//! A directory as a page or as JSON: names, sizes and dates in, bytes out.
//!
//! Names are bytes that anybody who may write to the directory has chosen: every one is escaped
//! for the place it stands in. A page needs no script: it is sorted by links, whose queries are
//! those of Apache's `mod_autoindex`; the members of the JSON are those of nginx's
//! `autoindex_format json`.

mod html;
mod json;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use crate::{FieldLines, accept};

/// What a page needs to be allowed: its own style, and nothing else whatever its names do.
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// One name in a directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The name, without slashes.
    pub name: Box<[u8]>,
    /// Whether it is a directory itself.
    pub is_directory: bool,
    /// Bytes, of a file.
    pub len: u64,
    /// When it was modified, in seconds since 1970.
    pub modified: i64,
}

/// A directory, or as much of it as is shown.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// Where it is, as [`Target::path`](crate::Target::path) has it.
    pub path: &'a [u8],
    /// What is in it, in any order.
    pub entries: &'a [Entry],
    /// Whether that is all.
    pub is_complete: bool,
}

/// How a client wants to see a directory.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct View {
    /// As what.
    pub format: Format,
    /// Sorted by what.
    pub order: Order,
}

/// What a listing is written as.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// A page.
    #[default]
    Html,
    /// An array of objects.
    Json,
}

/// By what the entries are sorted. Directories come first in any case, and entries that are alike
/// in the order of their names, in which capital letters are like small ones.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Order {
    /// The column.
    pub column: Column,
    /// Whether the largest, the latest or the last comes first.
    pub is_descending: bool,
}

/// What there is to sort by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Column {
    /// `C=N`
    #[default]
    Name,
    /// `C=M`
    Modified,
    /// `C=S`
    Size,
}

impl View {
    /// The one that a request's `query` and Accept ask for.
    #[must_use]
    pub fn of(query: Option<&[u8]>, accept: &FieldLines<'_>) -> Self {
        let format = if accept::prefers_json(accept) {
            Format::Json
        } else {
            Format::Html
        };
        Self {
            format,
            order: Order::parse(query),
        }
    }
}

impl Format {
    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

impl Order {
    /// Reads `C=N`, `M` or `S` and `O=A` or `D`, with `&` or `;` between them, from a raw query.
    /// What else there is changes nothing.
    #[must_use]
    pub fn parse(query: Option<&[u8]>) -> Self {
        let mut order = Self::default();
        let words = query.unwrap_or_default();
        for word in words.split(|byte| matches!(byte, b'&' | b';')) {
            match word {
                b"C=N" => order.column = Column::Name,
                b"C=M" => order.column = Column::Modified,
                b"C=S" => order.column = Column::Size,
                b"O=A" => order.is_descending = false,
                b"O=D" => order.is_descending = true,
                _ => {}
            }
        }
        order
    }

    fn compare(self, a: &Entry, b: &Entry) -> Ordering {
        let by_name = letters(&a.name).cmp(letters(&b.name));
        let by_name = by_name.then_with(|| a.name.cmp(&b.name));
        let by_column = match self.column {
            Column::Name => by_name,
            Column::Modified => a.modified.cmp(&b.modified),
            Column::Size if a.is_directory => Ordering::Equal,
            Column::Size => a.len.cmp(&b.len),
        };
        let by_column = if self.is_descending {
            by_column.reverse()
        } else {
            by_column
        };
        let directories_first = b.is_directory.cmp(&a.is_directory);
        directories_first.then(by_column).then(by_name)
    }
}

impl Listing<'_> {
    /// The listing as `view` wants it.
    #[must_use]
    pub fn write(&self, view: View) -> Vec<u8> {
        match view.format {
            Format::Html => self.html(view.order),
            Format::Json => self.json(view.order),
        }
    }

    /// The page, in UTF-8.
    #[must_use]
    pub fn html(&self, order: Order) -> Vec<u8> {
        html::write(self, &self.sorted(order), order)
    }

    /// The entries as an array of objects, with the members `name`, `type` (`directory` or
    /// `file`), `mtime` (as in Last-Modified) and, of files, `size`.
    ///
    /// A name that is not UTF-8 has U+FFFD where it is not; such an entry has a further member
    /// `href`, a relative reference that leads to it.
    #[must_use]
    pub fn json(&self, order: Order) -> Vec<u8> {
        json::write(&self.sorted(order))
    }

    fn sorted(&self, order: Order) -> Vec<&Entry> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_unstable_by(|a, b| order.compare(a, b));
        entries
    }
}

/// The bytes of a name, capital letters as small ones.
fn letters(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().map(u8::to_ascii_lowercase)
}
