//! From scores to texts: the best positions, and the ids at positions.

use alhost_plugin_api::prelude::*;

/// The positions of the `k` largest scores, largest first, ties to the lower position.
pub fn highest(scores: &[f64], k: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    // Adding 0 makes -0 and 0 the same to `total_cmp`.
    let key = |position: u32| scores[position as usize] + 0.0;
    let compare = |&a: &u32, &b: &u32| key(b).total_cmp(&key(a)).then(a.cmp(&b));
    if k < order.len() && k > 0 {
        order.select_nth_unstable_by(k - 1, compare);
    }
    order.truncate(k);
    order.sort_unstable_by(compare);
    order
}

/// The free position of the largest score, ties to the lower one; `None` where none is free.
pub fn best_free(scores: &[f64], is_taken: &[bool]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (position, score) in scores.iter().enumerate().filter(|(i, _)| !is_taken[*i]) {
        if best.is_none_or(|best| *score > scores[best]) {
            best = Some(position);
        }
    }
    best
}

/// The texts at positions of the pool, in the order given.
pub fn selection(ctx: &Context<'_>, positions: impl IntoIterator<Item = u32>) -> Selection {
    let text = |position: u32| ctx.pool()[position as usize];
    Selection::ranked(positions.into_iter().map(text).collect())
}

/// The texts at positions of the pool, in the order given, with a score each.
pub fn scored(ctx: &Context<'_>, positions: &[u32], scores: &[f64]) -> Selection {
    let ids = positions.iter().map(|&position| ctx.pool()[position as usize]).collect();
    Selection::scored(ids, scores.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_first_ties_by_position() {
        assert_eq!(highest(&[0.5, 0.9, 0.5, -0.0, 0.0], 9), [1, 0, 2, 3, 4]);
        assert_eq!(highest(&[0.5, 0.9, 0.5], 2), [1, 0]);
        assert_eq!(highest(&[0.5], 0), [0_u32; 0]);
        assert_eq!(best_free(&[1.0, 2.0, 2.0], &[false, true, false]), Some(2));
        assert_eq!(best_free(&[1.0, 1.0], &[false, false]), Some(0));
        assert_eq!(best_free(&[1.0], &[true]), None);
    }
}
