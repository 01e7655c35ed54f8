//! Texts without labels, and a list of labels without texts, from the files of somebody who begins to label.

use std::path::{Path, PathBuf};

use alhost_base::progress::Silent;
use alhost_config::{DataConfig, DataFormat};

use super::error::DataError;
use super::raw::{Names, RawSplit};
use super::unlabeled::{UnlabeledTexts, for_each_block};
use super::{csv, ids, parquet, read, vocabulary};

/// Reads all texts of a file. Its ending says what it is: `.csv` and `.tsv` (with a line of names for the columns), `.parquet`,
/// `.txt` (a text a line), else JSON lines; `.gz` and `.zst` are unpacked. `column` has the texts, a column `id`
/// the ids; without, they are numbers from 1. Blank lines of `.txt` are no texts. Labels are not looked at.
///
/// # Errors
/// If the file cannot be understood, has no text, or has an id twice; also notes what is unusual.
pub fn read_texts(path: &Path, column: &str) -> Result<(UnlabeledTexts, Vec<String>), DataError> {
    let format = format_of(path);
    let mut split = RawSplit::new("texts", path.to_owned());
    let mut notes = Vec::new();
    match format {
        Some(DataFormat::Jsonl) => read_lines_of_json(path, &mut split)?,
        None => read_lines(path, &mut split)?,
        Some(format) => read_table(path, format, column, &mut split, &mut notes)?,
    }
    if split.len() == 0 {
        return Err(DataError::EmptySplit { key: "texts", path: split.path, dropped: 0 });
    }
    let mut splits = [split];
    ids::make_unique(&mut splits, &mut notes)?;
    let [RawSplit { ids, texts, .. }] = splits;
    Ok((UnlabeledTexts { ids, texts }, notes))
}

/// Reads a list of labels, one a line, as a vocabulary file of a data set is.
pub fn read_labels(path: &Path) -> Result<Vec<String>, DataError> {
    Ok(vocabulary::read(path)?.0)
}

/// A label's name as every reader makes it: without white space around it, and in Unicode's composed form.
pub fn tidy_label(name: &str) -> String {
    super::record::tidy(name.into()).into_owned()
}

/// `None` is a text a line.
fn format_of(path: &Path) -> Option<DataFormat> {
    let mut name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    for ending in [".gz", ".zst"] {
        name = name.strip_suffix(ending).map_or(name.clone(), str::to_owned);
    }
    match name.rsplit('.').next() {
        Some("csv") => Some(DataFormat::Csv),
        Some("tsv" | "tab") => Some(DataFormat::Tsv),
        Some("parquet") => Some(DataFormat::Parquet),
        Some("txt") => None,
        _ => Some(DataFormat::Jsonl),
    }
}

fn push(split: &mut RawSplit, line: u64, id: String, text: &str) {
    split.ids.push(id);
    split.texts.push(text);
    split.lines.push(line);
}

fn read_lines_of_json(path: &Path, split: &mut RawSplit) -> Result<(), DataError> {
    for_each_block(path, |block| {
        for (id, text) in block.ids.into_iter().zip(block.texts.iter()) {
            let line = split.len() as u64 + 1;
            push(split, line, id, text);
        }
        Ok(())
    })
}

fn read_lines(path: &Path, split: &mut RawSplit) -> Result<(), DataError> {
    let bytes = read::open(path)?.bytes()?;
    for (line, text) in (1..).zip(read::utf8(path, 1, &bytes)?.lines()) {
        if !text.trim().is_empty() {
            push(split, line, line.to_string(), text);
        }
    }
    Ok(())
}

fn read_table(
    path: &Path,
    format: DataFormat,
    column: &str,
    split: &mut RawSplit,
    notes: &mut Vec<String>,
) -> Result<(), DataError> {
    let mut done = read_with_ids(path, format, (column, Some("id")), split, notes);
    if matches!(done, Err(DataError::Column { key: "id_column", .. })) {
        done = read_with_ids(path, format, (column, None), split, notes);
        // Ids that were made count from 1 here, as in the other formats.
        split.ids = (1..=split.len()).map(|number| number.to_string()).collect();
    }
    done.map_err(|error| match error {
        DataError::Column { path, column, key, columns, .. } => {
            let hint = "`--column` names the one with the texts".to_owned();
            DataError::Column { path, column, key, columns, hint }
        }
        other => other,
    })
}

/// The readers of tables want a column of labels; that of the texts takes its place, as one label that is not looked at.
fn read_with_ids(
    path: &Path,
    format: DataFormat,
    (column, id): (&str, Option<&str>),
    split: &mut RawSplit,
    notes: &mut Vec<String>,
) -> Result<(), DataError> {
    let config = DataConfig {
        format,
        id_column: id.map(str::to_owned),
        text_columns: vec![column.to_owned()],
        labels_column: column.to_owned(),
        label_separator: String::new(),
        ..DataConfig::default()
    };
    let (mut labels, files) = (Names::default(), [PathBuf::from(path)]);
    match format {
        DataFormat::Parquet => parquet::read(&files, &config, split, &mut labels, notes, &Silent),
        _ => csv::read(read::open(path)?, &config, split, &mut labels, notes, &Silent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, content: &[u8]) -> Result<Vec<(String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs_err::write(&path, content).unwrap();
        let (found, _notes) = read_texts(&path, "text").map_err(|error| error.to_string())?;
        Ok(found.ids.into_iter().zip(found.texts.iter().map(str::to_owned)).collect())
    }

    #[test]
    fn texts_come_from_any_file_with_or_without_ids() {
        let check = |name: &str, content: &str, expected: &[(&str, &str)]| {
            let expected: Vec<(String, String)> =
                expected.iter().map(|(id, text)| ((*id).into(), (*text).into())).collect();
            assert_eq!(read(name, content.as_bytes()).unwrap(), expected, "{name}: {content}");
        };
        check("a.txt", "one\n\n  \ntwo;2\r\n", &[("1", "one"), ("4", "two;2")]);
        check(
            "a.csv",
            "id,text\na,\"one, 1\"\nb,\"two\nlines\"\n",
            &[("a", "one, 1"), ("b", "two\nlines")],
        );
        check("a.csv", "text,labels\none;1,x\n,y\n", &[("1", "one;1"), ("2", "")]);
        check("a.tsv", "\u{feff}text\tid\none\t7\n", &[("7", "one")]);
        check(
            "a.jsonl",
            "{\"text\": \"one\"}\n{\"text\": \"two\", \"labels\": [1]}\n",
            &[("1", "one"), ("2", "two")],
        );
        check("a.json", "{\"id\": 5, \"text\": \"one\"}\n", &[("5", "one")]);
    }

    #[test]
    fn what_is_no_file_of_texts_is_told() {
        let check = |name: &str, content: &[u8], part: &str| {
            let error = read(name, content).unwrap_err();
            assert!(error.contains(part) && error.contains(name), "{name}: {error}");
        };
        check("a.txt", b"\n \n", "no text");
        check("a.csv", b"body,title\none,two\n", "`--column` names");
        check("a.csv", b"id,text\na,one\na,two\n", "already used");
        check("a.jsonl", b"{\"text\": \"one\"", "JSON");
        check("a.jsonl", b"{\"body\": \"one\"}\n", "text");
        check("a.txt", b"\xff\xfe\xfa", "UTF");
        check("a.parquet", b"PAR1", "");
    }
}
