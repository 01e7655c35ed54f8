//! Metrics that a report can be about: numbers of a round, by their names in the record.

use std::fmt;
use std::str::FromStr;

use alhost_record::RoundRecord;

use super::error::ReportError;

/// A score of test, more is better.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Metric(usize);

struct Definition {
    /// `docs/experiments.md` defines it under this name; `_at_micro` is of `metrics_at_micro`.
    name: &'static str,
    title: &'static str,
    of: fn(&RoundRecord) -> Option<f64>,
}

const DEFINITIONS: [Definition; 26] = [
    define("micro_f1", "micro-F1", |round| Some(round.headline()?.micro_f1)),
    define("macro_f1_paper", "macro-F1 (paper)", |round| Some(round.headline()?.macro_f1_paper)),
    define("macro_f1", "macro-F1 (scikit-learn)", |round| Some(round.headline()?.macro_f1)),
    define("micro_f1_at_micro", "micro-F1 at the micro-optimal threshold", |round| {
        round.metrics_at_micro.map(|metrics| metrics.micro_f1)
    }),
    define("micro_f1_per_label", "micro-F1 with a threshold for each label", |round| {
        round.metrics_per_label.map(|metrics| metrics.micro_f1)
    }),
    define(
        "macro_f1_per_label",
        "macro-F1 (scikit-learn) with a threshold for each label",
        |round| round.metrics_per_label.map(|metrics| metrics.macro_f1),
    ),
    define("micro_precision", "micro-precision", |round| Some(round.metrics?.micro_precision)),
    define("micro_recall", "micro-recall", |round| Some(round.metrics?.micro_recall)),
    define("macro_precision", "macro-precision", |round| Some(round.metrics?.macro_precision)),
    define("macro_recall", "macro-recall", |round| Some(round.metrics?.macro_recall)),
    define("subset_accuracy", "subset accuracy", |round| Some(round.metrics?.subset_accuracy)),
    define("p_at_1", "P@1", |round| Some(round.ranking?.p_at_1)),
    define("p_at_3", "P@3", |round| Some(round.ranking?.p_at_3)),
    define("p_at_5", "P@5", |round| Some(round.ranking?.p_at_5)),
    define("ndcg_at_1", "nDCG@1", |round| round.ranking?.ndcg_at_1),
    define("ndcg_at_3", "nDCG@3", |round| round.ranking?.ndcg_at_3),
    define("ndcg_at_5", "nDCG@5", |round| round.ranking?.ndcg_at_5),
    define("psp_at_1", "PSP@1", |round| round.ranking?.psp_at_1),
    define("psp_at_3", "PSP@3", |round| round.ranking?.psp_at_3),
    define("psp_at_5", "PSP@5", |round| round.ranking?.psp_at_5),
    define("psndcg_at_1", "PSnDCG@1", |round| round.ranking?.psndcg_at_1),
    define("psndcg_at_3", "PSnDCG@3", |round| round.ranking?.psndcg_at_3),
    define("psndcg_at_5", "PSnDCG@5", |round| round.ranking?.psndcg_at_5),
    define("head_f1", "F1 of the head", |round| round.metrics?.head_f1),
    define("torso_f1", "F1 of the torso", |round| round.metrics?.torso_f1),
    define("tail_f1", "F1 of the tail", |round| round.metrics?.tail_f1),
];

const fn define(
    name: &'static str,
    title: &'static str,
    of: fn(&RoundRecord) -> Option<f64>,
) -> Definition {
    Definition { name, title, of }
}

impl Metric {
    pub const MICRO_F1: Self = Self(0);
    /// The figures of every report: the paper's Figure 2 and 3, and what their thresholds hide.
    const HEADLINE: [Self; 4] = [Self(0), Self(1), Self(2), Self(3)];

    pub fn all() -> impl Iterator<Item = Self> {
        (0..DEFINITIONS.len()).map(Self)
    }

    pub fn name(self) -> &'static str {
        DEFINITIONS[self.0].name
    }

    pub(super) fn title(self) -> &'static str {
        DEFINITIONS[self.0].title
    }

    /// Returns the score of a round; `None` where the record has none: without a dev set there is
    /// no micro-optimal threshold.
    pub fn of(self, round: &RoundRecord) -> Option<f64> {
        (DEFINITIONS[self.0].of)(round)
    }

    /// Lists the four metrics of every report, and this one.
    pub(super) fn headline(self) -> Vec<Self> {
        let mut metrics = Self::HEADLINE.to_vec();
        if !metrics.contains(&self) {
            metrics.insert(0, self);
        }
        metrics
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = ReportError;

    fn from_str(name: &str) -> Result<Self, ReportError> {
        Self::all().find(|metric| metric.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Self::all().map(Self::name).collect();
            ReportError::Metric { name: name.to_owned(), known: known.join(", ") }
        })
    }
}
