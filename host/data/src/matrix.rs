//! Label matrices of the XMC field: the sparse text format (`rows columns`, then pairs
//! `index:value`), the older one with labels and words in one file, and scipy's `.npz`.

use std::path::Path;

use super::error::DataError;
use super::labels::Labels;
use super::npz;
use super::read::{open, utf8};

/// Bytes read at a time.
pub(super) const BLOCK: usize = 8 << 20;

/// The most labels: more than any data set has (Amazon-3M: 2.8 million), and few enough for memory.
const MAX_LABELS: usize = 10_000_000;

/// Reads the number of labels, from the header alone.
pub(super) fn n_labels(path: &Path) -> Result<usize, DataError> {
    if npz::is_npz(path)? {
        return bounded(path, npz::n_labels(path)?);
    }
    let start = open(path)?.start()?;
    if start.is_empty() {
        return Err(wrong(path, 1, "the file is empty".to_owned()));
    }
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or(&start);
    bounded(path, Header::parse(path, line)?.n_labels)
}

/// Bounds the number of labels: a header may say any, and a name is made for each label.
pub(super) fn bounded(path: &Path, n_labels: usize) -> Result<usize, DataError> {
    if n_labels > MAX_LABELS {
        return Err(DataError::TooManyLabels { path: path.to_owned(), n_labels, most: MAX_LABELS });
    }
    Ok(n_labels)
}

/// Reads one row a text. Values that add up to 0 are no labels; row `i` stands on line `i + 2`.
pub(super) fn read(path: &Path) -> Result<Labels, DataError> {
    if npz::is_npz(path)? {
        return npz::read(path);
    }
    let mut header: Option<Header> = None;
    let mut labels = Labels::new(0);
    open(path)?.blocks(BLOCK, |block| {
        for (number, line) in block.lines() {
            let Some(header) = &header else {
                let parsed = Header::parse(path, line)?;
                labels = Labels::new(bounded(path, parsed.n_labels)?);
                header = Some(parsed);
                continue;
            };
            let text = utf8(path, number, line)?;
            if labels.len() == header.rows {
                if text.trim().is_empty() {
                    continue;
                }
                let problem = format!("the header says {} rows, but here is one more", header.rows);
                return Err(wrong(path, number, problem));
            }
            let row = header.row(text).map_err(|problem| wrong(path, number, problem))?;
            labels.push(&row);
        }
        Ok(())
    })?;
    let Some(header) = header else {
        return Err(wrong(path, 1, "the file is empty".to_owned()));
    };
    if labels.len() < header.rows {
        let problem =
            format!("the header says {} rows, but there are {}", header.rows, labels.len());
        return Err(wrong(path, labels.len() as u64 + 1, problem));
    }
    Ok(labels)
}

fn wrong(path: &Path, line: u64, problem: String) -> DataError {
    DataError::Matrix { path: path.to_owned(), line, problem }
}

struct Header {
    rows: usize,
    n_labels: usize,
    /// Whether labels stand before words, separated by commas and without values.
    has_words: bool,
}

impl Header {
    fn parse(path: &Path, line: &[u8]) -> Result<Self, DataError> {
        let text = utf8(path, 1, line)?;
        let numbers: Option<Vec<usize>> =
            text.split_ascii_whitespace().map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[rows, n_labels]) => Ok(Self { rows, n_labels, has_words: false }),
            Some(&[rows, _words, n_labels]) => Ok(Self { rows, n_labels, has_words: true }),
            _ => {
                let start: String = text.chars().take(40).collect();
                Err(wrong(path, 1, format!("`{start}` is no header of two or three numbers")))
            }
        }
    }

    fn row(&self, text: &str) -> Result<Vec<u32>, String> {
        if self.has_words { self.row_before_words(text) } else { self.row_of_values(text) }
    }

    /// Reads a row of `index:value`. Columns may come in any order; those that come twice add up,
    /// as in scipy.
    fn row_of_values(&self, text: &str) -> Result<Vec<u32>, String> {
        let mut entries: Vec<(u32, f64)> = Vec::new();
        for entry in text.split_ascii_whitespace() {
            let (index, value) =
                entry.split_once(':').ok_or_else(|| format!("`{entry}` is not `index:value`"))?;
            let parsed: Option<f64> = value.parse().ok().filter(|value: &f64| value.is_finite());
            let value = parsed.ok_or_else(|| format!("`{value}` in `{entry}` is no number"))?;
            entries.push((self.index(index)?, value));
        }
        // Stable, so that the sum does not depend on how the sort goes.
        entries.sort_by_key(|(index, _)| *index);
        let runs = entries.chunk_by(|a, b| a.0 == b.0);
        let sums = runs.map(|run| (run[0].0, run.iter().map(|(_, value)| value).sum::<f64>()));
        Ok(sums.filter(|(_, sum)| sum.abs() > 0.0).map(|(index, _)| index).collect())
    }

    /// Reads a row `l1,l2 f:v f:v`; without a label, the line starts with a space or with a word.
    fn row_before_words(&self, text: &str) -> Result<Vec<u32>, String> {
        let labels = text.split([' ', '\t']).next().unwrap_or("");
        if labels.is_empty() || labels.contains(':') {
            return Ok(Vec::new());
        }
        labels.split(',').map(|label| self.index(label)).collect()
    }

    fn index(&self, text: &str) -> Result<u32, String> {
        let index: u32 = text.parse().map_err(|_| format!("`{text}` is no label number"))?;
        if (index as usize) < self.n_labels {
            return Ok(index);
        }
        let n = self.n_labels;
        Err(format!("label {index}, but the header says {n} labels, numbered from 0"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Vec<Vec<u32>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Y.txt");
        fs_err::write(&path, text).unwrap();
        let labels = read(&path).map_err(|error| error.to_string())?;
        assert_eq!(labels.n_labels(), n_labels(&path).unwrap());
        Ok(labels.rows().map(<[u32]>::to_vec).collect())
    }

    #[test]
    fn rows_in_any_order_empty_ones_and_repeated_columns() {
        let check = |text: &str, expected: &[&[u32]]| assert_eq!(parse(text).unwrap(), expected);
        check("2 5\n4:1 0:1.0\n\n", &[&[0, 4], &[]]);
        check("2 5\r\n4:1 0:1.0\r\n1:1\r\n", &[&[0, 4], &[1]]);
        check("1 5\n3:0.5 3:0.5 2:0 1:1 1:-1", &[&[3]]);
        check("0 5\n", &[]);
        check("1 1\n\n\n", &[&[]]);
        // The older format: labels, then words.
        check("4 100 3\n2,0 5:0.1 7:1\n 5:0.2\n5:0.3\n1\n", &[&[0, 2], &[], &[], &[1]]);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let check = |text: &str, parts: &[&str]| {
            let error = parse(text).unwrap_err();
            for part in parts.iter().chain(&["Y.txt:", "\nhint: "]) {
                assert!(error.contains(part), "no `{part}` in: {error}");
            }
        };
        check("", &[":1: the file is empty"]);
        check("a line of text\n", &[":1: `a line of text` is no header"]);
        check("3 5\n1:1\n2:1\n", &[":3: the header says 3 rows, but there are 2"]);
        check("1 5\n1:1\n2:1\n", &[":3: the header says 1 rows, but here is one more"]);
        check("2 5\n1:1\n5:1\n", &[":3: label 5, but the header says 5 labels"]);
        check("1 5\n1\n", &[":2: `1` is not `index:value`"]);
        check("1 5\n-1:1\n", &[":2: `-1` is no label number"]);
        check("1 5\n1:x\n", &[":2: `x` in `1:x` is no number"]);
        check("1 9 5\n1,7 2:1\n", &[":2: label 7"]);
        check("1 0\n0:1\n", &[":2: label 0, but the header says 0 labels"]);
        check("2 1000000000000\n0:1\n", &["1000000000000 labels", "10000000"]);
        check("1000000000000 2\n0:1\n", &["the header says 1000000000000 rows, but there are 1"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            rows in prop::collection::vec(prop::collection::vec((0_u32..9, -2_i32..3), 0..8), 0..20),
        ) {
            let mut text = format!("{} 9\n", rows.len());
            let mut expected = Vec::new();
            for row in &rows {
                let entries: Vec<String> =
                    row.iter().map(|(index, value)| format!("{index}:{value}")).collect();
                text += &(entries.join(" ") + "\n");
                let mut sums: BTreeMap<u32, i32> = BTreeMap::new();
                for (index, value) in row {
                    *sums.entry(*index).or_default() += value;
                }
                expected.push(sums.into_iter().filter(|s| s.1 != 0).map(|s| s.0).collect::<Vec<_>>());
            }
            prop_assert_eq!(parse(&text).unwrap(), expected);
        }

        #[test]
        fn random_bytes_never_panic(text in "[0-9:, \n]{0,60}") {
            let _refused_or_not = parse(&format!("2 3\n{text}"));
            let _refused_or_not = parse(&text);
        }
    }
}
