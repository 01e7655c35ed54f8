//! Files of safetensors, taken apart and put together under other names; no number changes.

use std::path::{Path, PathBuf};

use alhost_base::{Unreadable, foreign};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

/// The most bytes that are read: an encoder of 400 million weights in f64, or 131,000 labels of 3,072.
const MOST_BYTES: u64 = 4 << 30;

/// A file of tensors in memory.
pub(super) struct Tensors {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Tensors {
    pub(super) fn read(path: &Path) -> Result<Self, Unreadable> {
        let read = Self { path: path.to_owned(), bytes: foreign::read(path, MOST_BYTES)? };
        read.all()?;
        Ok(read)
    }

    /// All tensors, sorted by name.
    pub(super) fn all(&self) -> Result<Vec<(String, TensorView<'_>)>, Unreadable> {
        let bad = |error| self.bad(format!("its tensors cannot be read: {error}"));
        let (n_header, header) = SafeTensors::read_metadata(&self.bytes).map_err(bad)?;
        let data = &self.bytes[8 + n_header..];
        let mut all = Vec::new();
        for (name, about) in header.tensors() {
            let (start, end) = about.data_offsets;
            let view = TensorView::new(about.dtype, about.shape.clone(), &data[start..end]);
            all.push((name, view.map_err(bad)?));
        }
        all.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(all)
    }

    pub(super) fn get(&self, name: &str) -> Result<TensorView<'_>, Unreadable> {
        let found = self.all()?.into_iter().find(|(known, _)| known == name);
        found.map(|(_, view)| view).ok_or_else(|| self.bad(format!("{name} is missing")))
    }

    fn bad(&self, problem: String) -> Unreadable {
        Unreadable::new(&self.path, problem, "copy the folder again, or train the classifier again")
    }
}

/// Writes a file whose metadata says that PyTorch's layout is meant, which transformers asks for.
pub(super) fn write(path: &Path, tensors: Vec<(String, TensorView<'_>)>) -> anyhow::Result<()> {
    let metadata = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    let written = safetensors::serialize_to_file(tensors, &Some(metadata), path);
    written.map_err(|error| anyhow::anyhow!("{}: cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::Dtype;

    use super::*;

    #[test]
    fn tensors_come_back_under_other_names() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("b"));
        let bytes: Vec<u8> = [1.5_f32, -0.0, f32::MIN_POSITIVE].map(f32::to_le_bytes).concat();
        let view = || TensorView::new(Dtype::F32, vec![3, 1], &bytes).unwrap();
        write(&first, vec![("w".to_owned(), view())]).unwrap();
        let read = Tensors::read(&first).unwrap();
        write(&second, vec![("bert.w".to_owned(), read.get("w").unwrap())]).unwrap();
        let again = Tensors::read(&second).unwrap();
        assert_eq!(again.get("bert.w").unwrap(), view());
        assert_eq!(again.all().unwrap().len(), 1);
        let error = again.get("w").unwrap_err().to_string();
        assert!(error.contains("w is missing") && error.contains("hint: "), "{error}");
    }

    #[test]
    fn what_is_no_file_of_tensors_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        for content in
            [&b""[..], b"abc", &[0xff; 64], b"version https://git-lfs.github.com/spec/v1"]
        {
            fs_err::write(&path, content).unwrap();
            let error = Tensors::read(&path).err().unwrap().to_string();
            assert!(error.contains("w.safetensors: ") && error.contains("hint: "), "{error}");
        }
    }
}
