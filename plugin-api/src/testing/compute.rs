//! The compute services in plain Rust and f64, for small inputs: an independent check of the
//! host's own.

use serde_json::Value;

use super::arena::Owned;
use super::{discriminator, greedy, kmeans};
use crate::features::Matrix;
use crate::ffi::Block;
use crate::services::{DISCRIMINATOR, KERNEL_GREEDY, KMEANS, NEAREST};
use crate::{Error, Result, Rng};

/// Answers a service as the host does: the same options, the same streams of `seed`.
pub(super) fn run(
    service: &str,
    options: &str,
    inputs: &[Block<'_>],
    seed: &[u8; 32],
) -> Result<Owned> {
    let options: Value = serde_json::from_str(options)
        .map_err(|e| Error::new(format!("options of `{service}`: {e}")))?;
    let mut rng = Rng::stream(seed, options["stream"].as_str().unwrap_or_default());
    let matrices: Vec<Matrix<'_>> = inputs.iter().map(Matrix::from_block).collect();
    match (service, matrices.as_slice()) {
        (KMEANS, [points]) => kmeans::answer(points, &options, &mut rng),
        (NEAREST, [points, centers]) => {
            let k = options["k"].as_u64().unwrap_or(1) as usize;
            Ok(kmeans::nearest(points, centers, k.min(points.n_rows())))
        }
        (DISCRIMINATOR, [labeled, unlabeled]) => {
            Ok(discriminator::answer(*labeled, *unlabeled, &options, &mut rng))
        }
        (KERNEL_GREEDY, [points, fixed]) => greedy::answer(points, fixed, None, options),
        (KERNEL_GREEDY, [points, fixed, _]) => {
            greedy::answer(points, fixed, Some(inputs[2].f64s.as_slice()), options)
        }
        _ => Err(Error::new(format!("there is no service `{service}` of {} inputs", inputs.len()))),
    }
}

#[cfg(test)]
pub(super) mod golden {
    //! Arrays computed elsewhere, in numpy (`tests/fixtures/strategies/README.md`).

    use std::io::Cursor;

    use ndarray::{Array1, Array2};
    use ndarray_npy::{NpzReader, ReadableElement};

    /// A file of arrays, by name.
    pub(in super::super) struct Golden(pub(in super::super) &'static [u8]);

    impl Golden {
        pub(in super::super) fn vector<T: ReadableElement>(&self, name: &str) -> Vec<T> {
            let array: Array1<T> =
                NpzReader::new(Cursor::new(self.0)).unwrap().by_name(name).unwrap();
            array.into_raw_vec_and_offset().0
        }

        /// Values row by row, and the number of columns.
        pub(in super::super) fn matrix<T: ReadableElement>(&self, name: &str) -> (Vec<T>, usize) {
            let array: Array2<T> =
                NpzReader::new(Cursor::new(self.0)).unwrap().by_name(name).unwrap();
            let cols = array.ncols();
            (array.into_raw_vec_and_offset().0, cols)
        }
    }
}
