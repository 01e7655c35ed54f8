//! The compute services in plain Rust and f64, for small inputs: an independent check of the
//! host's own.

use serde_json::Value;

use crate::features::Matrix;
use crate::services::NEAREST;
use crate::{Error, Result};

use super::arena::Owned;

/// Answers a service as the host does: the same options, the same streams of `seed`.
pub(super) fn run(
    service: &str,
    options: &str,
    inputs: &[Matrix<'_>],
    _seed: &[u8; 32],
) -> Result<Owned> {
    let options: Value = serde_json::from_str(options)
        .map_err(|e| Error::new(format!("options of `{service}`: {e}")))?;
    match (service, inputs) {
        (NEAREST, [points, centers]) => {
            let k = options["k"].as_u64().unwrap_or(1) as usize;
            Ok(nearest(points, centers, k.min(points.n_rows())))
        }
        _ => Err(Error::new(format!("there is no service `{service}` of {} inputs", inputs.len()))),
    }
}

fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum()
}

fn nearest(points: &Matrix<'_>, centers: &Matrix<'_>, k: usize) -> Owned {
    let mut owned = Owned { rows: centers.n_rows(), cols: k, ..Owned::default() };
    for center in centers.rows() {
        let mut all: Vec<(f64, u32)> =
            points.rows().zip(0..).map(|(row, i)| (squared_distance(row, center), i)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        owned.u32s.extend(all[..k].iter().map(|entry| entry.1));
        owned.f32s.extend(all[..k].iter().map(|entry| entry.0.sqrt() as f32));
    }
    owned
}
