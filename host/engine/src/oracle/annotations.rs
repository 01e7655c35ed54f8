//! `annotations.jsonl` holds what people or programs said of texts, one line an answer. The file only grows; the
//! last line of a text and a person counts.
//!
//! ```text
//! {"id": "a17", "labels": ["grain", "trade"], "status": "labeled", "by": "kim", "at": 1795834122, "seconds": 12.5, "from": "page"}
//! {"id": "a23", "labels": [], "status": "skipped", "by": "kim", "at": 1795834140}
//! ```

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use alhost_base::{Unreadable, aside, foreign};
use anyhow::Result;
use serde::{Deserialize, Serialize};

/// The file's name in the folder of a labeling project.
pub const FILE: &str = "annotations.jsonl";

/// One answer.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The data set's own id of the text.
    pub id: String,
    /// Names of labels; none is an answer too.
    pub labels: Vec<String>,
    pub status: Status,
    /// The name of who answered.
    pub by: String,
    /// Seconds since 1970, UTC.
    pub at: u64,
    /// Seconds spent on the text, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The origin of the answer: `page`, the file that was imported, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// A remark of who answered, for people alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Labeled,
    Skipped,
}

/// The whole lines of the file.
#[derive(Debug, Default, PartialEq)]
pub struct Annotations {
    /// Sorted as in the file, each with its number from 1.
    pub lines: Vec<(usize, Line)>,
    /// The number of a last line that was cut off, which does not count.
    pub torn: Option<usize>,
}

/// Reads the file; there are no annotations where there is none.
///
/// # Errors
/// If a line is no annotation: the file and the line are named. A last line without its end is what a stop
/// leaves behind, and no error.
pub fn read(path: &Path) -> Result<Annotations> {
    if !fs_err::exists(path)? {
        return Ok(Annotations::default());
    }
    parse(path, BufReader::new(foreign::open(path)?))
}

fn parse(path: &Path, mut file: impl BufRead) -> Result<Annotations> {
    let mut found = Annotations::default();
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if file.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let is_whole = bytes.ends_with(b"\n");
        match serde_json::from_slice::<Line>(&bytes) {
            Ok(line) => found.lines.push((number, line)),
            Err(_) if !is_whole => found.torn = Some(number),
            Err(error) => {
                let problem = format!("line {number} is no annotation: {error}");
                let hint = "mend or remove the line; all others stay as they are";
                return Err(Unreadable::new(path, problem, hint).into());
            }
        }
    }
    Ok(found)
}

/// Appends answers, each of which is on disk when the call returns.
pub struct Log {
    path: PathBuf,
    file: fs_err::File,
    /// Bytes of whole lines.
    length: u64,
}

impl Log {
    /// Opens the file, takes away a last line that a stop cut off, and gives back what is in it.
    pub fn open(path: &Path) -> Result<(Self, Annotations)> {
        let mut options = fs_err::OpenOptions::new();
        let mut file = options.create(true).read(true).append(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let found = parse(path, bytes.as_slice())?;
        let mut length = bytes.len() as u64;
        if let Some(number) = found.torn {
            tracing::warn!("{}: line {number} was cut off, and is given up", path.display());
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            length = whole as u64;
            file.set_len(length)?;
        } else if bytes.last().is_some_and(|byte| *byte != b'\n') {
            // The line is there but for its end.
            file.write_all(b"\n")?;
            length += 1;
        }
        file.sync_all()?;
        aside::sync_folder(path.parent().unwrap_or(Path::new(".")))?;
        Ok((Self { path: path.to_owned(), file, length }, found))
    }

    /// # Errors
    /// Of the disk. None of the lines counts then, and the next ones begin where these would have.
    pub fn append(&mut self, lines: &[Line]) -> Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        if let Err(error) = self.file.write_all(&text).and_then(|()| self.file.sync_data()) {
            // A part of it may be there. If it cannot be taken back either, the next start does so.
            let _cut = self.file.set_len(self.length);
            return Err(error.into());
        }
        self.length += text.len() as u64;
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, labels: &[&str]) -> Line {
        Line {
            id: id.to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            status: if labels.is_empty() { Status::Skipped } else { Status::Labeled },
            by: "kim".to_owned(),
            at: 1,
            seconds: Some(2.5),
            from: None,
            note: None,
        }
    }

    fn three(path: &Path) -> Vec<u8> {
        let mut log = Log::open(path).unwrap().0;
        log.append(&[line("a", &["x"]), line("b", &[])]).unwrap();
        log.append(&[line("a", &["y", "z"])]).unwrap();
        fs_err::read(path).unwrap()
    }

    #[test]
    fn lines_come_back_in_their_order_with_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(read(&path).unwrap(), Annotations::default(), "no file, no annotations");
        three(&path);
        let read = read(&path).unwrap();
        let ids: Vec<(usize, &str)> =
            read.lines.iter().map(|(number, line)| (*number, line.id.as_str())).collect();
        assert_eq!((ids, read.torn), (vec![(1, "a"), (2, "b"), (3, "a")], None));
    }

    #[test]
    fn wherever_it_is_cut_the_whole_lines_count_and_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let bytes = three(&path);
        for cut in 0..=bytes.len() {
            fs_err::write(&path, &bytes[..cut]).unwrap();
            let ends = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
            let found = read(&path).unwrap();
            // A line that lacks nothing but its end is whole.
            let whole = ends + usize::from(bytes.get(cut) == Some(&b'\n'));
            assert_eq!(found.lines.len(), whole, "cut at {cut}");
            let torn = cut > 0 && !bytes[..cut].ends_with(b"\n") && whole == ends;
            assert_eq!(found.torn, torn.then_some(ends + 1));
            Log::open(&path).unwrap().0.append(&[line("c", &["x"])]).unwrap();
            let again = read(&path).unwrap();
            assert_eq!((again.lines.len(), again.torn), (whole + 1, None), "cut at {cut}");
            assert_eq!(again.lines.last().unwrap().1, line("c", &["x"]));
        }
    }

    #[test]
    fn damage_elsewhere_is_refused_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let bytes = three(&path);
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let check = |damaged: &str| {
            fs_err::write(&path, format!("{}\n{damaged}\n{}\n", lines[0], lines[2])).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(FILE) && error.contains("line 2"), "{error}");
            assert!(Log::open(&path).is_err(), "nothing is appended to a damaged file");
        };
        check("");
        check(&lines[1][..20]);
        check(&lines[1].replace("skipped", "shipped"));
        check(&lines[1].replace("\"by\"", "\"bi\""));
        check(&format!("{}{}", lines[1], lines[1]));
        check("[]");
    }
}
