//! Clusters of rows by the host's k-means.

use alhost_plugin_api::prelude::*;

use crate::rows::UnitRows;

/// The centres of `k` clusters of rows divided by their lengths, row by row; `k` is at most the number of
/// rows. It keeps the best of some `restarts`. Needs [`KMEANS`].
pub fn centers(
    ctx: &Context<'_>,
    rows: &UnitRows<'_>,
    k: usize,
    restarts: u32,
) -> Result<Vec<f64>> {
    let points = rows.to_f32();
    let points = Matrix::new(&points, rows.len(), rows.n_cols());
    let options = KMeansOptions {
        k,
        restarts,
        max_iterations: 300,
        tolerance: 1e-4,
        stream: "clusters".to_owned(),
    };
    let clusters = ctx.kmeans(points, &options)?;
    Ok(clusters.centers.iter().map(|&x| f64::from(x)).collect())
}

/// The cluster of each row, of `k` clusters of rows that have been divided by their lengths; `k` is at most the
/// number of rows. One run of at most 100 iterations, as there may be hundreds of clusters. Needs [`KMEANS`].
pub fn labels<'a>(ctx: &'a Context<'_>, rows: Matrix<'_>, k: usize) -> Result<&'a [u32]> {
    let options = KMeansOptions {
        k,
        restarts: 1,
        max_iterations: 100,
        tolerance: 1e-4,
        stream: "clusters".to_owned(),
    };
    let clusters = ctx.kmeans(rows, &options)?;
    if clusters.labels.len() != rows.n_rows() {
        return Err(Error::new("the host did not say the cluster of each row"));
    }
    Ok(clusters.labels)
}

#[cfg(test)]
mod tests {
    use alhost_plugin_api::testing::StandIn;

    use super::*;

    #[test]
    fn lengths_do_not_matter() {
        let data = [1.0, 0.0, 5.0, 0.0, 0.0, 2.0, 0.0, 0.1];
        let rows = UnitRows::new(Matrix::new(&data, 4, 2));
        let mut centers = centers(&StandIn::new(1, 1).context(), &rows, 2, 1).unwrap();
        if centers[0] < 0.5 {
            centers.rotate_left(2);
        }
        for (got, expected) in centers.iter().zip([1.0, 0.0, 0.0, 1.0]) {
            assert!((got - expected).abs() < 1e-6, "{centers:?}");
        }
    }

    #[test]
    fn rows_of_one_direction_share_a_cluster() {
        let data = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
        let host = StandIn::new(1, 1);
        let ctx = host.context();
        let labels = labels(&ctx, Matrix::new(&data, 4, 2), 2).unwrap();
        assert_eq!((labels[0], labels[1]), (labels[2], labels[3]));
        assert_ne!(labels[0], labels[1]);
    }
}
