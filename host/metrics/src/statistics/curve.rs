//! Learning curves in one number.

/// Area under a learning curve by the trapezoid rule, divided by the range of labeled texts: the mean
/// score over the budget. `None` with fewer than two points.
///
/// # Panics
/// If there is not one score for each point, or the points do not go up.
pub fn area(labeled: &[f64], scores: &[f64]) -> Option<f64> {
    assert_eq!(labeled.len(), scores.len(), "a score for each point");
    let (first, last) = (labeled.first()?, labeled.last()?);
    if labeled.len() < 2 {
        return None;
    }
    let trapezoids = labeled.windows(2).zip(scores.windows(2)).map(|(x, y)| {
        assert!(x[0] < x[1], "labeled texts only become more");
        (x[1] - x[0]) * f64::midpoint(y[0], y[1])
    });
    Some(trapezoids.sum::<f64>() / (last - first))
}

/// Labeled texts at which a curve first reaches `target`, on the straight line between two rounds;
/// the first point's, where that is there already. `None` where the curve never does.
///
/// # Panics
/// If there is not one score for each point.
pub fn labels_to_reach(labeled: &[f64], scores: &[f64], target: f64) -> Option<f64> {
    assert_eq!(labeled.len(), scores.len(), "a score for each point");
    let at = scores.iter().position(|&score| score >= target)?;
    let Some(before) = at.checked_sub(1) else { return Some(labeled[0]) };
    let share = (target - scores[before]) / (scores[at] - scores[before]);
    Some(labeled[before] + share * (labeled[at] - labeled[before]))
}
