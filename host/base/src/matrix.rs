//! A dense row-major matrix of f32: what the model gives back and what plugins are lent.

use std::ops::{Deref, DerefMut};

use crate::memory::{MemoryPool, SharedNumbers, WORTH_SHARING};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// `rows * cols` values, row by row.
    pub data: Numbers,
    pub rows: usize,
    pub cols: usize,
}

impl Matrix {
    /// Makes a matrix of `data`: `rows * cols` values, row by row.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn new(data: Vec<f32>, rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "a {rows} x {cols} matrix");
        Self { data: Numbers::Own(data), rows, cols }
    }

    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self::new(vec![0.0; rows * cols], rows, cols)
    }

    /// Rows of `cols` values that fit in 256 MiB, at least one: what to compute at a time, where all
    /// rows of texts x labels might not fit in memory.
    pub fn block_rows(cols: usize) -> usize {
        ((64 << 20) / cols.max(1)).max(1)
    }

    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.cols..(row + 1) * self.cols]
    }

    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row * self.cols..(row + 1) * self.cols]
    }
}

/// The values of a matrix, in memory of this process or where a plugin's worker can map them.
#[derive(Debug)]
pub enum Numbers {
    Own(Vec<f32>),
    Shared(SharedNumbers),
}

impl Numbers {
    pub fn into_vec(self) -> Vec<f32> {
        match self {
            Self::Own(values) => values,
            Self::Shared(values) => values.to_vec(),
        }
    }
}

impl Default for Numbers {
    fn default() -> Self {
        Self::Own(Vec::new())
    }
}

impl Deref for Numbers {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Own(values) => values,
            Self::Shared(values) => values,
        }
    }
}

impl DerefMut for Numbers {
    fn deref_mut(&mut self) -> &mut [f32] {
        match self {
            Self::Own(values) => values,
            Self::Shared(values) => values,
        }
    }
}

/// A clone is in memory of this process.
impl Clone for Numbers {
    fn clone(&self) -> Self {
        Self::Own(self.to_vec())
    }
}

impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

/// Makes the matrices that strategies will be lent.
#[derive(Clone, Debug, Default)]
pub struct MatrixRoom {
    /// Holds the shared memory, where strategies run in processes of their own.
    shared: Option<MemoryPool>,
}

impl MatrixRoom {
    /// Makes a room whose large matrices lie where workers can map them.
    pub fn shared() -> Self {
        Self { shared: Some(MemoryPool::default()) }
    }

    /// Makes a matrix of which every value is going to be written: it may hold what was there
    /// before.
    pub fn matrix(&self, rows: usize, cols: usize) -> Matrix {
        let n = rows * cols;
        let is_large = n * size_of::<f32>() >= WORTH_SHARING;
        let pool = self.shared.as_ref().filter(|_| is_large);
        match pool.map(|pool| pool.numbers(n)) {
            Some(Ok(numbers)) => Matrix { data: Numbers::Shared(numbers), rows, cols },
            Some(Err(error)) => {
                tracing::warn!("no shared memory, so that a matrix will be copied: {error}");
                Matrix::zeros(rows, cols)
            }
            None => Matrix::zeros(rows, cols),
        }
    }
}
