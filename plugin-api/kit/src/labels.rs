//! What is predicted of unlabeled texts, and known of labeled ones.

use alhost_plugin_api::prelude::*;

/// The labels of a text whose probability is above the threshold, strictly, ascending.
pub fn predicted(probabilities: &[f32], threshold: f64) -> impl Iterator<Item = u32> {
    let above = move |(label, &p): (u32, &f32)| (f64::from(p) > threshold).then_some(label);
    (0..).zip(probabilities).filter_map(above)
}

/// The threshold of this round, tuned on dev.
///
/// # Errors
/// There is none before the first training.
pub fn threshold(ctx: &Context<'_>) -> Result<f64> {
    let threshold = ctx.threshold();
    if threshold.is_nan() {
        return Err("there is no threshold yet, so nothing is predicted\n\
                    hint: choose the initial set with another strategy, such as `random`"
            .into());
    }
    Ok(f64::from(threshold))
}

/// For each label, the number of labeled texts that carry it.
pub fn counts(ctx: &Context<'_>) -> Vec<u32> {
    let labeled = ctx.labeled();
    let mut counts = vec![0; ctx.n_labels()];
    for text in 0..labeled.len() {
        for &label in labeled.labels(text) {
            counts[label as usize] += 1;
        }
    }
    counts
}

/// Refuses to select where nothing is labeled; `why` says what labeled texts are for.
pub fn need_labeled(ctx: &Context<'_>, why: &str) -> Result<()> {
    if ctx.labeled().is_empty() {
        return Err(Error::new(format!(
            "no text is labeled yet, and {why}\n\
             hint: choose the initial set with another strategy, such as `random`"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alhost_plugin_api::testing::StandIn;

    use super::*;

    #[test]
    fn above_the_threshold_strictly() {
        let got: Vec<u32> = predicted(&[0.5, 0.6, 0.1, 0.9], 0.5).collect();
        assert_eq!(got, [1, 3]);
    }

    #[test]
    fn counts_are_of_labeled_texts() {
        let host = StandIn::new(9, 4).labeled(&[(1, &[0, 3]), (4, &[3]), (5, &[])]);
        assert_eq!(counts(&host.context()), [1, 0, 0, 2]);
        assert!(need_labeled(&host.context(), "it compares").is_ok());
        assert!(need_labeled(&StandIn::new(2, 2).context(), "it compares").is_err());
        assert!(threshold(&StandIn::new(2, 2).untrained().context()).is_err());
        assert!((threshold(&host.context()).unwrap() - 0.5).abs() < 1e-12);
    }
}
