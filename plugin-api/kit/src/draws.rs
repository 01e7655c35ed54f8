//! Draws in proportion to weights, from numbers that are given.

/// The first place whose share of the cumulated weights exceeds `u`, which lies in [0, 1). A place of
/// weight 0 is never drawn; where rounding leaves none, the last of positive weight is. `None` if no weight is
/// positive.
pub fn draw(weights: &[f64], u: f64) -> Option<usize> {
    let total: f64 = weights.iter().sum();
    let mut below = 0.0;
    for (place, &weight) in weights.iter().enumerate() {
        below += weight;
        if weight > 0.0 && below / total > u {
            return Some(place);
        }
    }
    weights.iter().rposition(|&weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_decide() {
        let check = |weights: &[f64], u: f64, expected: Option<usize>| {
            assert_eq!(draw(weights, u), expected, "{weights:?} at {u}");
        };
        check(&[1.0, 1.0, 2.0], 0.0, Some(0));
        check(&[1.0, 1.0, 2.0], 0.25, Some(1));
        check(&[1.0, 1.0, 2.0], 0.999, Some(2));
        check(&[0.0, 3.0, 0.0], 0.0, Some(1));
        check(&[0.1, 0.2, 0.0], 1.0, Some(1));
        check(&[0.0, 0.0], 0.5, None);
        check(&[], 0.5, None);
    }
}
