//! Reads the golden arrays: numpy's archives of numbers of several types.

use std::path::Path;

use alhost::base::matrix::Matrix;
use anyhow::{Context as _, Result, anyhow};
use ndarray::{ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, ReadableElement};

pub(crate) struct Arrays(NpzReader<fs_err::File>);

impl Arrays {
    /// Opens one of the files in `strategies`.
    pub(crate) fn open(goldens: &Path, name: &str) -> Result<Self> {
        let path = goldens.join("strategies").join(name);
        let file = fs_err::File::open(&path)?;
        Ok(Self(NpzReader::new(file).with_context(|| format!("reading {}", path.display()))?))
    }

    /// The values of an array, row by row, and its last extent.
    fn array(&mut self, name: &str) -> Result<(Vec<f64>, usize)> {
        self.stored::<f64>(name, |x| x)
            .or_else(|| self.stored::<f32>(name, f64::from))
            .or_else(|| self.stored::<i32>(name, f64::from))
            .or_else(|| self.stored::<i64>(name, |x| x as f64))
            .ok_or_else(|| anyhow!("no array `{name}` of a type that is known"))
    }

    fn stored<T: ReadableElement + Copy>(
        &mut self,
        name: &str,
        number: impl Fn(T) -> f64,
    ) -> Option<(Vec<f64>, usize)> {
        let array: ArrayD<T> = self.0.by_name::<OwnedRepr<T>, IxDyn>(name).ok()?;
        let cols = array.shape().last().copied().unwrap_or(1);
        Some((array.iter().map(|&x| number(x)).collect(), cols))
    }

    pub(crate) fn values(&mut self, name: &str) -> Result<Vec<f64>> {
        Ok(self.array(name)?.0)
    }

    /// An array of one number.
    pub(crate) fn number(&mut self, name: &str) -> Result<f64> {
        self.values(name)?.first().copied().with_context(|| format!("`{name}` is empty"))
    }

    pub(crate) fn picks(&mut self, name: &str) -> Result<Vec<u32>> {
        Ok(self.values(name)?.into_iter().map(|pick| pick as u32).collect())
    }

    /// The rows of an array that lie in `range`, as a strategy is lent them.
    pub(crate) fn rows(&mut self, name: &str, range: std::ops::Range<usize>) -> Result<Matrix> {
        let (values, cols) = self.array(name)?;
        let rows = values.get(range.start * cols..range.end * cols);
        let rows = rows.with_context(|| format!("`{name}` has no {} rows", range.end))?;
        Ok(Matrix::new(rows.iter().map(|&x| x as f32).collect(), range.len(), cols))
    }
}
