//! Label matrices as scipy's `save_npz` writes them, in CSR form. What is read is bounded by what the
//! archive holds, not by the sizes that its headers claim.

use std::io::Read as _;
use std::path::Path;

use alhost_base::{Unreadable, foreign};
use fs_err::File;
use ndarray::Array1;
use ndarray_npy::{ReadNpyExt, ReadableElement};
use unzip::ZipArchive;

use super::error::DataError;
use super::labels::Labels;
use super::matrix::bounded;

/// Bytes that one array may unpack to: room for 500 million pairs of text and label.
const MAX_BYTES: u64 = 4 << 30;

/// Tells an `.npz` by its first bytes: it is a ZIP archive.
pub(super) fn is_npz(path: &Path) -> Result<bool, DataError> {
    let mut start = Vec::new();
    let read = foreign::open(path)?.take(4).read_to_end(&mut start);
    read.map_err(|error| Unreadable::of(path, &error))?;
    Ok(start == b"PK\x03\x04")
}

pub(super) fn n_labels(path: &Path) -> Result<usize, DataError> {
    Ok(Archive::open(path)?.shape()?.1)
}

pub(super) fn read(path: &Path) -> Result<Labels, DataError> {
    let mut archive = Archive::open(path)?;
    // A square matrix by columns would pass for another one by rows.
    if let Some(format) = archive.format().filter(|format| format != "csr") {
        return Err(archive.wrong(format!("the matrix is in `{format}` form")));
    }
    let (rows, n_labels) = archive.shape()?;
    let ends = archive.integers("indptr")?;
    let indices = archive.integers("indices")?;
    let values = archive.values()?;
    archive.check_lengths(rows, ends.len(), indices.len(), values.len())?;
    let mut labels = Labels::new(bounded(path, n_labels)?);
    for bounds in ends.windows(2) {
        let range = bounds[0]..bounds[1];
        let row = indices.get(range.clone()).zip(values.get(range.clone()));
        let (row, values) = row.ok_or_else(|| {
            archive.wrong(format!("`indptr` goes from {} to {}", range.start, range.end))
        })?;
        let mut entries: Vec<(usize, f64)> =
            row.iter().copied().zip(values.iter().copied()).collect();
        entries.sort_by_key(|(index, _)| *index);
        if let Some((index, _)) = entries.last().filter(|(index, _)| *index >= n_labels) {
            let text = labels.len();
            return Err(archive.wrong(format!("row {text} has label {index} of {n_labels}")));
        }
        labels.push(&nonzero_columns(&entries));
    }
    Ok(labels)
}

/// Returns the columns of a row's sorted entries whose values do not add up to 0. A column that
/// comes twice adds up, as in scipy.
fn nonzero_columns(entries: &[(usize, f64)]) -> Vec<u32> {
    let sums = entries
        .chunk_by(|a, b| a.0 == b.0)
        .map(|run| (run[0].0, run.iter().map(|(_, value)| value).sum::<f64>()));
    sums.filter(|(_, sum)| sum.abs() > 0.0).map(|(index, _)| index as u32).collect()
}

struct Archive<'a> {
    path: &'a Path,
    entries: ZipArchive<File>,
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path) -> Result<Self, DataError> {
        let entries = ZipArchive::new(foreign::open(path)?);
        let problem = |error: unzip::result::ZipError| error.to_string();
        let entries = entries
            .map_err(|error| DataError::Npz { path: path.to_owned(), problem: problem(error) })?;
        Ok(Self { path, entries })
    }

    /// Unpacks an entry; none where it is missing or torn.
    fn bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let entry = self.entries.by_name(&format!("{name}.npy")).ok()?;
        entry.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Reads what scipy says in `format.npy`, a string without dimensions: one byte a character, or
    /// four.
    fn format(&mut self) -> Option<String> {
        let bytes = self.bytes("format")?;
        let value = bytes.get(10 + header(&bytes)?.len()..)?;
        Some(value.iter().filter(|&&byte| byte != 0).map(|&byte| char::from(byte)).collect())
    }

    fn wrong(&self, problem: String) -> DataError {
        DataError::Npz { path: self.path.to_owned(), problem }
    }

    /// Checks that arrays of these lengths fit `rows` rows and each other.
    fn check_lengths(
        &self,
        rows: usize,
        ends: usize,
        indices: usize,
        values: usize,
    ) -> Result<(), DataError> {
        let needed = rows.saturating_add(1);
        if ends != needed {
            return Err(self.wrong(format!(
                "`indptr` has {ends} entries, but {rows} rows need {needed} (a CSC matrix has one \
                 a column)"
            )));
        }
        if values != indices {
            return Err(
                self.wrong(format!("there are {indices} `indices`, but {values} values in `data`"))
            );
        }
        Ok(())
    }

    fn shape(&mut self) -> Result<(usize, usize), DataError> {
        match self.integers("shape")?[..] {
            [rows, columns] => Ok((rows, columns)),
            _ => Err(self.wrong("`shape` is not of two dimensions".to_owned())),
        }
    }

    /// Reads an array of whole numbers; scipy takes 32 bits where they are enough.
    fn integers(&mut self, name: &str) -> Result<Vec<usize>, DataError> {
        let bytes = self.bytes(name).unwrap_or_default();
        let wide = array::<i64>(&bytes);
        let narrow = |array: Vec<i32>| array.into_iter().map(i64::from).collect();
        let numbers = wide.or_else(|| array::<i32>(&bytes).map(narrow));
        let numbers = numbers
            .ok_or_else(|| self.wrong(format!("`{name}` is missing, or no array of integers")))?;
        let numbers: Option<Vec<usize>> =
            numbers.into_iter().map(|number| usize::try_from(number).ok()).collect();
        numbers.ok_or_else(|| self.wrong(format!("`{name}` has a negative number")))
    }

    fn values(&mut self) -> Result<Vec<f64>, DataError> {
        let bytes = self.bytes("data").unwrap_or_default();
        let values = values_of(&bytes, f64::from as fn(f32) -> f64)
            .or_else(|| values_of(&bytes, |value: f64| value))
            .or_else(|| values_of(&bytes, |value: i64| value as f64))
            .or_else(|| values_of(&bytes, f64::from as fn(i32) -> f64))
            .or_else(|| values_of(&bytes, f64::from as fn(i8) -> f64))
            .or_else(|| values_of(&bytes, f64::from as fn(u8) -> f64))
            .or_else(|| values_of(&bytes, |value: bool| f64::from(u8::from(value))));
        values.ok_or_else(|| {
            self.wrong("`data` is missing, or of a type that is not read".to_owned())
        })
    }
}

fn values_of<T: ReadableElement>(bytes: &[u8], convert: fn(T) -> f64) -> Option<Vec<f64>> {
    Some(array(bytes)?.into_iter().map(convert).collect())
}

/// Reads an array; none where the bytes are no array of this type, or claim to be a longer one than
/// they can be.
fn array<T: ReadableElement>(bytes: &[u8]) -> Option<Vec<T>> {
    let header = header(bytes)?;
    let shape = header.split_once("'shape':")?.1.trim_start().strip_prefix('(')?;
    let length: usize = shape.split([',', ')']).next()?.trim().parse().ok()?;
    if length > bytes.len() {
        return None;
    }
    Some(Array1::<T>::read_npy(bytes).ok()?.into_raw_vec_and_offset().0)
}

/// Finds the header in version 1 of the format: magic, version, the header's length in two bytes,
/// header, values.
fn header(bytes: &[u8]) -> Option<&str> {
    let length = usize::from(u16::from_le_bytes([*bytes.get(8)?, *bytes.get(9)?]));
    std::str::from_utf8(bytes.get(10..10 + length)?).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use ndarray::arr1;
    use ndarray_npy::NpzWriter;

    use super::super::matrix;
    use super::*;

    /// Reads a 3 x 4 matrix with these parts.
    fn parse(ends: &[i32], indices: &[i64], data: &[f32]) -> Result<Vec<Vec<u32>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Y.npz");
        let mut npz = NpzWriter::new_compressed(File::create(&path).unwrap());
        npz.add_array("indices", &arr1(indices)).unwrap();
        npz.add_array("indptr", &arr1(ends)).unwrap();
        npz.add_array("shape", &arr1(&[3_i64, 4])).unwrap();
        npz.add_array("data", &arr1(data)).unwrap();
        npz.finish().unwrap();
        assert_eq!(matrix::n_labels(&path).unwrap(), 4);
        let labels = matrix::read(&path).map_err(|error| error.to_string())?;
        Ok(labels.rows().map(<[u32]>::to_vec).collect())
    }

    #[test]
    fn csr_matrices_are_read() {
        let rows = parse(&[0, 2, 2, 5], &[3, 0, 1, 1, 2], &[1.0, 1.0, 0.5, 0.5, 0.0]);
        assert_eq!(rows.unwrap(), [vec![0, 3], vec![], vec![1]]);
    }

    /// Reads files written by scipy 1.17.1, see `tests/fixtures/formats/README.md`.
    #[test]
    fn what_scipy_writes_is_read_by_rows_and_refused_by_columns() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/formats");
        let labels = matrix::read(&folder.join("csr.npz")).unwrap();
        let rows: Vec<&[u32]> = labels.rows().collect();
        assert_eq!(rows, [&[0, 3][..], &[], &[1], &[2, 3]]);
        let error = matrix::read(&folder.join("csc.npz")).unwrap_err().to_string();
        assert!(error.contains("`csc` form") && error.contains("tocsr"), "{error}");
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let check = |ends: &[i32], indices: &[i64], data: &[f32], part: &str| {
            let error = parse(ends, indices, data).unwrap_err();
            assert!(error.contains(part) && error.contains("\nhint: "), "{error}");
        };
        check(&[0, 1], &[0], &[1.0], "`indptr` has 2 entries, but 3 rows need 4");
        check(&[0, 1, 1, 1], &[4], &[1.0], "row 0 has label 4 of 4");
        check(&[0, 1, 1, 1], &[-1], &[1.0], "`indices` has a negative number");
        check(&[0, 1, 1, 9], &[0], &[1.0], "`indptr` goes from 1 to 9");
        check(&[0, 1, 1, 1], &[0], &[1.0, 1.0], "1 `indices`, but 2 values");
    }

    /// An archive whose headers say more than there is.
    #[test]
    fn sizes_that_are_claimed_allocate_nothing() {
        let npy = |kind: &str, shape: &str, values: &[u8]| {
            let header =
                format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
            let length = (header.len() as u16).to_le_bytes();
            [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), values].concat()
        };
        let words = |words: &[i32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
        let check = |columns: i64, rows: i64, length: &str, part: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("Y.npz");
            let mut zip = zip::ZipWriter::new(std::fs::File::create_new(&path).unwrap());
            let shape: Vec<u8> = [rows, columns].iter().flat_map(|n| n.to_le_bytes()).collect();
            let ones: Vec<u8> = [1.0_f64; 2].iter().flat_map(|n| n.to_le_bytes()).collect();
            for (name, bytes) in [
                ("indices", npy("<i4", length, &words(&[0, 1]))),
                ("indptr", npy("<i4", "(3,)", &words(&[0, 1, 2]))),
                ("shape", npy("<i8", "(2,)", &shape)),
                ("data", npy("<f8", "(2,)", &ones)),
            ] {
                let stored = zip::write::FileOptions::default()
                    .compression_method(zip::CompressionMethod::Stored);
                zip.start_file(format!("{name}.npy"), stored).unwrap();
                zip.write_all(&bytes).unwrap();
            }
            zip.finish().unwrap();
            let read = matrix::read(&path).map_err(|error| error.to_string());
            match part {
                "" => assert_eq!(read.unwrap().len(), 2),
                part => assert!(read.as_ref().is_err_and(|error| error.contains(part)), "{read:?}"),
            }
        };
        check(4, 2, "(2,)", "");
        check(1_000_000_000_000, 2, "(2,)", "1000000000000 labels");
        check(4, 2, "(1000000000000,)", "`indices` is missing, or no array");
        check(4, i64::MAX, "(2,)", "`indptr` has 3 entries");
        check(4, 2, "(18446744073709551617,)", "`indices` is missing");
    }

    #[test]
    fn a_torn_archive_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Y.npz");
        fs_err::write(&path, b"PK\x03\x04 and no more").unwrap();
        let error = matrix::read(&path).unwrap_err().to_string();
        assert!(error.contains("Y.npz") && error.contains("save_npz"), "{error}");
    }
}
