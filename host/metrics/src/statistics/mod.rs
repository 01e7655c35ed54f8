//! Statistics of experiments: tests over seeds and data sets, learning curves, power. Pure functions
//! of numbers; `docs/report.md` says what each is used for.
//!
//! Golden values in `tests/fixtures/statistics` were made once with scipy and scikit-learn, and
//! agree to 1e-9. Where a test does not exist (too few values), the answer is `None`, never NaN.

mod curve;
mod distributions;
mod power;
mod ranks;
mod summary;
mod t_test;
mod wilcoxon;

pub use curve::{area, labels_to_reach};
pub use distributions::t_quantile;
pub use power::{detectable_effect, paired_power, seeds_needed};
pub use ranks::{
    Friedman, ImanDavenport, critical_difference, friedman, holm, rank_difference_p, ranks,
};
pub use summary::{Spread, Summary, summary};
pub use t_test::{PairedT, UnpairedT, paired_t, student_t, welch_t};
pub use wilcoxon::{Wilcoxon, seeds_for_wilcoxon, smallest_wilcoxon_p, wilcoxon};

#[cfg(test)]
mod tests;
