//! JSON objects of a file: one a line, or all in one array. They are parsed in parallel and handed on in
//! the file's order.

use std::path::Path;

use alhost_base::progress::Progress;
use rayon::prelude::*;
use serde_json::value::RawValue;

use super::error::DataError;
use super::jsonl;
use super::read::{Source, line_ends, utf8};
use super::record::Record;

/// Bytes parsed at a time: bounds the memory beside the data set itself, and is far more than
/// what threads cost.
const BLOCK: usize = 8 << 20;
/// Objects that one thread takes at a time.
const OBJECTS: usize = 256;

/// Calls `parse` for each object, with its line, and `each` for what it gives.
pub(super) fn read(
    mut source: Source,
    progress: &dyn Progress,
    parse: impl for<'a> Fn(u64, &'a str) -> Result<Record<'a>, DataError> + Sync,
    mut each: impl FnMut(Record<'_>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let path = source.path.clone();
    let start = source.peek()?;
    let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start);
    if start.trim_ascii_start().starts_with(b"[") {
        let bytes = source.bytes()?;
        let text = utf8(&path, 1, &bytes)?;
        for objects in elements(&path, text)?.chunks(64 * OBJECTS) {
            let parsed: Vec<_> = objects
                .par_chunks(OBJECTS)
                .flat_map_iter(|objects| objects.iter().map(|&(line, text)| parse(line, text)))
                .collect();
            progress.advance(parsed.len() as u64);
            parsed.into_iter().try_for_each(|record| each(record?))?;
        }
        return Ok(());
    }
    source.blocks(BLOCK, |block| {
        let lines = block.lines();
        let (path, parse) = (&path, &parse);
        // Errors are looked at in the file's order, so that the first one is reported.
        let parsed: Vec<_> = lines
            .par_chunks(OBJECTS)
            .flat_map_iter(|lines| {
                lines.iter().filter_map(|&(number, line)| {
                    let text = object(path, number, line).transpose()?;
                    Some(text.and_then(|text| parse(number, text)))
                })
            })
            .collect();
        progress.advance(parsed.len() as u64);
        parsed.into_iter().try_for_each(|record| each(record?))
    })
}

/// The text of a line that must hold an object; none for a blank one.
pub(super) fn object<'a>(
    path: &Path,
    number: u64,
    line: &'a [u8],
) -> Result<Option<&'a str>, DataError> {
    let text = utf8(path, number, line)?;
    let trimmed = text.trim_start();
    if trimmed.is_empty() || trimmed.starts_with('{') {
        return Ok(Some(text).filter(|_| !trimmed.is_empty()));
    }
    // serde would take a list as the fields in order.
    Err(no_object(path, number, text.len() - trimmed.len() + 1, "expected an object"))
}

fn no_object(path: &Path, line: u64, column: usize, problem: &str) -> DataError {
    DataError::Json { path: path.to_owned(), line, column, problem: problem.to_owned() }
}

/// The objects of an array, each with its line.
fn elements<'a>(path: &Path, text: &'a str) -> Result<Vec<(u64, &'a str)>, DataError> {
    let array: Vec<&'a RawValue> =
        serde_json::from_str(text).map_err(|error| jsonl::told(path, 1, &error))?;
    let (mut line, mut counted) = (1, 0);
    let mut elements = Vec::with_capacity(array.len());
    for element in array {
        let element = element.get();
        // It is a part of the text.
        let at = element.as_ptr().addr() - text.as_ptr().addr();
        line += line_ends(&text.as_bytes()[counted..at]);
        counted = at;
        if !element.starts_with('{') {
            let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let problem = "expected an object in the array";
            return Err(no_object(path, line, at - line_start + 1, problem));
        }
        elements.push((line, element));
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_array_is_cut_into_its_objects() {
        let check = |text: &str, expected: &[(u64, &str)]| {
            assert_eq!(elements(Path::new("a"), text).unwrap(), expected, "{text}");
        };
        check("[]", &[]);
        check("[{\"a\": \"}]\\\"\"}, {}]\n", &[(1, "{\"a\": \"}]\\\"\"}"), (1, "{}")]);
        check("[\n  {\n\"a\": [1, {}]\n},\n{}\n]", &[(2, "{\n\"a\": [1, {}]\n}"), (5, "{}")]);
        let refused = |text: &str, part: &str| {
            let error = elements(Path::new("a"), text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("\nhint: "), "{text}: {error}");
        };
        refused("[{}", "a:1:3: malformed JSON: EOF while parsing a list");
        refused("[{}]\n{}]", "a:2:1: malformed JSON: trailing characters");
        refused("[{}][{}]", "a:1:5: malformed JSON: trailing characters");
        refused("[{}]{}", "a:1:5: malformed JSON: trailing characters");
        refused("[{} {}]", "a:1:5: malformed JSON: expected `,` or `]`");
        refused("[{},]", "a:1:5: malformed JSON: trailing comma");
        refused("[1]", "a:1:2: malformed JSON: expected an object");
        refused("[{},\n [{}]]", "a:2:2: malformed JSON: expected an object");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[\\[\\]{}\",\\\\ \na1]{0,30}") {
            let _array_or_not = elements(Path::new("a"), &text);
        }

        #[test]
        fn what_a_writer_writes_is_read(texts in prop::collection::vec("[\\[\\]{}\",\\\\ \naé]{0,9}", 0..6), pretty: bool) {
            let objects: Vec<_> = texts.iter().map(|text| serde_json::json!({"t": text})).collect();
            let array = serde_json::Value::from(objects.clone());
            let text = if pretty { format!("{array:#}") } else { array.to_string() };
            let read = elements(Path::new("a"), &text).unwrap();
            let read: Vec<serde_json::Value> =
                read.iter().map(|(_, text)| serde_json::from_str(text).unwrap()).collect();
            prop_assert_eq!(read, objects);
        }
    }
}
