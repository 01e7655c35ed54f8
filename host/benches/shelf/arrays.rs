//! The made-up arrays: logits, features and the labels of labeled texts, as files that both a child and numpy
//! read.
//!
//! Labels have a long tail: the prior of label l is proportional to 1 / (l + 3)^0.9. About 5.5 labels are
//! predicted for a text, and a labeled text has about 4.4. Features lie around topics, in few directions of
//! many, as those of texts do.

use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use alhost_base::matrix::Matrix;
use alhost_data::Labels;
use anyhow::Result;
use bytemuck::Pod;

use crate::options::Size;

/// Labels of a labeled text, on average.
const CARDINALITY: f64 = 4.4;
/// Standard deviation of a logit, which decides how many labels are predicted.
const SPREAD: f64 = 2.1;
const TOPICS: usize = 100;
/// Directions that the features vary in.
const DIRECTIONS: usize = 24;

/// Bytes before the values of a file.
const HEADER: usize = 128;

pub(crate) struct Arrays {
    /// [texts, labels]
    pub(crate) logits: Matrix,
    /// [texts, features]
    pub(crate) features: Matrix,
    /// Those of the first texts.
    pub(crate) labels: Labels,
}

impl Arrays {
    pub(crate) fn make(size: Size) -> Self {
        let mut uniform = Uniform(7);
        let prior = long_tail(size.labels);
        let mut logits = Matrix::zeros(size.texts, size.labels);
        for row in logits.data.chunks_exact_mut(size.labels) {
            for (logit, p) in row.iter_mut().zip(&prior) {
                *logit = ((p / (1.0 - p)).ln() + SPREAD * uniform.normal()) as f32;
            }
        }
        let mut labels = Labels::new(size.labels);
        for _ in 0..size.labeled {
            let drawn = (0..).zip(&prior).filter(|&(_, &p)| uniform.next() < p);
            labels.push(&drawn.map(|(label, _)| label).collect::<Vec<u32>>());
        }
        Self { logits, features: features(size, &mut uniform), labels }
    }

    /// Writes them into `folder`; gives back how many labels a labeled text has on average.
    pub(crate) fn write(&self, folder: &Path) -> Result<f64> {
        let shape = |matrix: &Matrix| format!("({}, {})", matrix.rows, matrix.cols);
        let at = |name: &str| folder.join(name);
        write(&at("logits.npy"), "<f4", &shape(&self.logits), &self.logits.data)?;
        write(&at("features.npy"), "<f4", &shape(&self.features), &self.features.data)?;
        let (offsets, ids) = self.labels.csr();
        write(&at("offsets.npy"), "<u8", &format!("({},)", offsets.len()), offsets)?;
        write(&at("labels.npy"), "<u4", &format!("({},)", ids.len()), ids)?;
        Ok(self.labels.cardinality())
    }

    pub(crate) fn read(folder: &Path, size: Size) -> Result<Self> {
        let matrix = |name: &str, cols: usize| -> Result<Matrix> {
            Ok(Matrix::new(read(&folder.join(name), size.texts * cols)?, size.texts, cols))
        };
        let offsets: Vec<u64> = read(&folder.join("offsets.npy"), size.labeled + 1)?;
        let n_assignments = offsets.last().map_or(0, |&end| end as usize);
        let ids: Vec<u32> = read(&folder.join("labels.npy"), n_assignments)?;
        let mut labels = Labels::new(size.labels);
        for ends in offsets.windows(2) {
            labels.push(&ids[ends[0] as usize..ends[1] as usize]);
        }
        let logits = matrix("logits.npy", size.labels)?;
        Ok(Self { logits, features: matrix("features.npy", size.features)?, labels })
    }
}

/// In numpy's format, version 1.0: a magic word, the length of the rest of the header, a Python dictionary.
fn write<T: Pod>(path: &Path, kind: &str, shape: &str, values: &[T]) -> Result<()> {
    let dictionary = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}");
    let mut file = BufWriter::new(fs_err::File::create(path)?);
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&((HEADER - 10) as u16).to_le_bytes())?;
    writeln!(file, "{dictionary:<width$}", width = HEADER - 11)?;
    file.write_all(bytemuck::cast_slice(values))?;
    Ok(file.flush()?)
}

/// Reads what `write` wrote.
fn read<T: Pod>(path: &Path, count: usize) -> Result<Vec<T>> {
    let mut file = fs_err::File::open(path)?;
    file.seek(SeekFrom::Start(HEADER as u64))?;
    let mut values = vec![T::zeroed(); count];
    file.read_exact(bytemuck::cast_slice_mut(&mut values))?;
    Ok(values)
}

fn long_tail(n_labels: usize) -> Vec<f64> {
    let weight: Vec<f64> = (0..n_labels).map(|l| (l as f64 + 3.0).powf(-0.9)).collect();
    let sum: f64 = weight.iter().sum();
    weight.iter().map(|w| (w / sum * CARDINALITY).min(0.5)).collect()
}

/// tanh(A z + noise), where z is a topic's place and something of the text's own.
fn features(size: Size, uniform: &mut Uniform) -> Matrix {
    let mut normals = |n: usize| -> Vec<f32> { (0..n).map(|_| uniform.normal() as f32).collect() };
    let directions = normals(size.features * DIRECTIONS); // [features, DIRECTIONS]
    let topics = normals(TOPICS * DIRECTIONS);
    let mut features = Matrix::zeros(size.texts, size.features);
    for (text, row) in features.data.chunks_exact_mut(size.features).enumerate() {
        let topic = &topics[text % TOPICS * DIRECTIONS..][..DIRECTIONS];
        let own = normals(DIRECTIONS);
        let z: Vec<f32> = topic.iter().zip(own).map(|(topic, own)| topic + 0.5 * own).collect();
        let noise = normals(row.len());
        for ((value, a), noise) in row.iter_mut().zip(directions.chunks(DIRECTIONS)).zip(noise) {
            let along: f32 = a.iter().zip(&z).map(|(a, z)| a * z).sum();
            *value = (0.1 * along + 0.1 * noise).tanh();
        }
    }
    features
}

/// `SplitMix64`, as numbers in [0, 1).
pub(crate) struct Uniform(pub(crate) u64);

impl Uniform {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Box and Muller's transform.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.next()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.next()).cos()
    }
}
