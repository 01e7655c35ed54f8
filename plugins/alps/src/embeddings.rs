//! Surprisal embeddings: the losses of a text at its sampled positions, as a row of length 1.
//!
//! ```text
//! x / |x|      x: [positions], the masked-LM loss where a token was sampled, 0 elsewhere
//! ```

use std::collections::HashSet;

use alhost_plugin_api::features::{Matrix, Sparse};

/// The rows that can be clustered.
pub struct Embeddings {
    /// Row -> the text's position in the pool.
    pub texts: Vec<u32>,
    /// Positions in the pool of texts whose row would be zero.
    ///
    /// They take no part in clustering. The centres of diffuse clusters are short, so a zero row
    /// would be nearer to many of them than any text of theirs.
    pub without_tokens: Vec<u32>,
    /// [texts, cols], each row of length 1.
    data: Vec<f32>,
    cols: usize,
}

impl Embeddings {
    /// One dense matrix of all rows; as wide as the last position that was sampled.
    pub fn new(surprisal: &Sparse<'_>) -> Self {
        let last = |row: usize| surprisal.row(row).0.last().copied();
        let cols = (0..surprisal.n_rows()).filter_map(last).max().map_or(0, |p| p as usize + 1);
        let mut all =
            Self { texts: Vec::new(), without_tokens: Vec::new(), data: Vec::new(), cols };
        for row in 0..surprisal.n_rows() {
            let (positions, losses) = surprisal.row(row);
            all.push(row as u32, positions, losses);
        }
        all
    }

    fn push(&mut self, text: u32, positions: &[u32], losses: &[f32]) {
        let norm = losses.iter().map(|&loss| f64::from(loss).powi(2)).sum::<f64>().sqrt();
        // The reference divides by max(norm, 1e-12); such a row is no direction either.
        if norm < 1e-12 {
            self.without_tokens.push(text);
            return;
        }
        self.texts.push(text);
        let start = self.data.len();
        self.data.resize(start + self.cols, 0.0);
        for (&position, &loss) in positions.iter().zip(losses) {
            self.data[start + position as usize] = (f64::from(loss) / norm) as f32;
        }
    }

    pub fn matrix(&self) -> Matrix<'_> {
        Matrix::new(&self.data, self.texts.len(), self.cols)
    }

    /// Number of different rows, counted no further than `enough`.
    pub fn n_distinct(&self, enough: usize) -> usize {
        let mut seen: HashSet<Vec<u32>> = HashSet::new();
        for row in self.matrix().rows() {
            if seen.len() == enough {
                break;
            }
            seen.insert(row.iter().map(|x| x.to_bits()).collect());
        }
        seen.len()
    }
}
