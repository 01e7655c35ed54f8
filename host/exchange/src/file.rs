//! A stranger's file, read as a whole and cut into items of JSON or rows of a table.

use std::path::Path;

use alhost_base::Unreadable;
use alhost_base::blocks::utf8;
use alhost_base::foreign::{self, looks_like};

use crate::json::{self, Item};
use crate::table::Table;

/// A file may have so many bytes: a hundred thousand texts of five pages.
const MOST_BYTES: u64 = 512 << 20;

/// What a file is made of.
pub(crate) enum Content<'a> {
    Items(Vec<Item<'a>>),
    Table(Table<'a>),
}

/// Reads a file in UTF-8, with a byte order mark or without.
pub(crate) fn read(path: &Path) -> Result<String, Unreadable> {
    // Says it before so much is read.
    let size = foreign::open(path)?.metadata().map_or(0, |metadata| metadata.len());
    if size > MOST_BYTES {
        let problem = format!("has {size} bytes, and at most {MOST_BYTES} are read");
        return Err(Unreadable::new(path, problem, "export fewer texts at a time"));
    }
    let mut bytes = foreign::read(path, MOST_BYTES)?;
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(..3);
    }
    String::from_utf8(bytes).map_err(|error| not_text(path, error.as_bytes()))
}

fn not_text(path: &Path, bytes: &[u8]) -> Unreadable {
    match looks_like(bytes) {
        "text" | "binary data" => {}
        kind => {
            let hint = "unpack it and import the files in it, each by itself";
            return Unreadable::new(path, format!("is {kind}, not text"), hint);
        }
    }
    match utf8(1, bytes) {
        Err(wrong) => {
            let problem =
                format!("line {}, byte {}: not UTF-8; {}", wrong.line, wrong.column, wrong.found);
            let hint =
                format!("`iconv -f {} -t UTF-8` converts it, or save it as UTF-8", wrong.from);
            Unreadable::new(path, problem, hint)
        }
        // Both stop at the same byte.
        Ok(_) => Unreadable::new(path, "is not text in UTF-8", "save it as UTF-8"),
    }
}

/// Cuts a text into its parts.
pub(crate) fn content<'a>(path: &Path, text: &'a str) -> Result<Content<'a>, Unreadable> {
    let start = text.trim_start();
    match start.as_bytes().first() {
        None => Err(Unreadable::new(path, "is empty", "export it again")),
        Some(b'[') => json::array(path, text).map(Content::Items),
        Some(b'{') => json::lines(path, text).map(Content::Items),
        Some(b'<') => {
            let problem = "is XML, which no format of answers is";
            Err(Unreadable::new(path, problem, "export as JSON, or as CSV where that is offered"))
        }
        Some(_) => Table::new(path, text).map(Content::Table),
    }
}
