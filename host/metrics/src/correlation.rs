//! Measures how alike two orders of the same things are.

use crate::statistics::ranks;

/// Spearman's rho: Pearson's correlation of the ranks, equal values sharing the mean of theirs.
/// `None` with fewer than two pairs, or where one side has no order at all.
///
/// # Panics
/// If the two differ in length.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    assert_eq!(x.len(), y.len(), "the values are pairs");
    let (x, y) = (ranks(x), ranks(y));
    // Of the ranks 1..=n, ties or not.
    let mean = f64::midpoint(x.len() as f64, 1.0);
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    let rho = product(&x, &y) / (product(&x, &x) * product(&y, &y)).sqrt();
    rho.is_finite().then_some(rho)
}

/// Kendall's tau-b: (concordant - discordant) / sqrt((pairs not tied in x) (pairs not tied in y)).
/// `None` where `spearman` is. Quadratic: for the hundreds of texts of a query.
///
/// # Panics
/// If the two differ in length.
pub fn kendall(x: &[f64], y: &[f64]) -> Option<f64> {
    assert_eq!(x.len(), y.len(), "the values are pairs");
    let sign = |a: f64, b: f64| f64::from(i8::from(a > b) - i8::from(a < b));
    let (mut agree, mut in_x, mut in_y) = (0.0, 0.0, 0.0);
    for i in 0..x.len() {
        for j in 0..i {
            let (of_x, of_y) = (sign(x[i], x[j]), sign(y[i], y[j]));
            agree += of_x * of_y;
            in_x += of_x.abs();
            in_y += of_y.abs();
        }
    }
    let tau = agree / f64::sqrt(in_x * in_y);
    tau.is_finite().then_some(tau)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_are_those_of_scipy() {
        // spearmanr and kendalltau of SciPy 1.17.1.
        let x = [0.3, 1.5, 0.3, 2.0, -1.0, 0.7];
        let y = [1.0, 2.0, 2.0, 5.0, 0.1, 0.2];
        let rho = spearman(&x, &y).unwrap();
        assert!((rho - 0.750_000_000_000_000_1).abs() < 1e-12, "{rho}");
        let tau = kendall(&x, &y).unwrap();
        assert!((tau - 0.642_857_142_857_142_8).abs() < 1e-12, "{tau}");
    }

    #[test]
    fn equal_and_opposite_orders_are_one_and_minus_one() {
        let (up, down) = ([1.0, 2.0, 7.0], [3.0, 2.0, -1.0]);
        for correlation in [spearman, kendall] {
            assert!((correlation(&up, &[10.0, 20.0, 21.0]).unwrap() - 1.0).abs() < 1e-12);
            assert!((correlation(&up, &down).unwrap() + 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn where_there_is_no_order_there_is_no_correlation() {
        for correlation in [spearman, kendall] {
            assert_eq!(correlation(&[], &[]), None);
            assert_eq!(correlation(&[1.0], &[1.0]), None);
            assert_eq!(correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
        }
    }
}
