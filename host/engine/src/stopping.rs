//! The rules that end a run before its budget, as `docs/experiments.md` defines them. What they need
//! of earlier rounds is in the records, so that a run that was stopped goes on with the same numbers.

use alhost_config::StopConfig;
use alhost_record::{RoundRecord, Seconds, Signals, Stop};

/// Scores of JSON may come back half a unit in the last place lower, which is no gain.
const NO_GAIN: f64 = 1e-9;

/// The rule, if any, that ends the run after a round with these signals. `earlier` are the rounds
/// before it, `seconds` what it cost so far.
pub(crate) fn decide(
    config: &StopConfig,
    earlier: &[RoundRecord],
    now: &Signals,
    seconds: &Seconds,
) -> Option<Stop> {
    let rules = Rules { config, earlier, now, seconds };
    let asked = [
        (Stop::Target, rules.target()),
        (Stop::Plateau, rules.plateau()),
        (Stop::Uncertainty, rules.uncertainty()),
        (Stop::Kappa, rules.kappa()),
        (Stop::Time, rules.time()),
    ];
    asked.into_iter().find(|(_, holds)| *holds).map(|(stop, _)| stop)
}

struct Rules<'a> {
    config: &'a StopConfig,
    earlier: &'a [RoundRecord],
    now: &'a Signals,
    seconds: &'a Seconds,
}

impl Rules<'_> {
    /// A signal of every round so far; `None` if one is missing.
    fn history(&self, signal: fn(&Signals) -> Option<f64>) -> Option<Vec<f64>> {
        let earlier = self.earlier.iter().map(|round| signal(round.signals.as_ref()?));
        earlier.chain([signal(self.now)]).collect()
    }

    fn target(&self) -> bool {
        let reached = self.config.target.zip(self.now.dev);
        reached.is_some_and(|(target, dev)| dev + NO_GAIN >= target)
    }

    fn plateau(&self) -> bool {
        let rounds = self.config.plateau_rounds;
        let Some(scores) = self.history(|signals| signals.dev) else { return false };
        if rounds == 0 || scores.len() <= rounds {
            return false;
        }
        let (before, last) = scores.split_at(scores.len() - rounds);
        best(last) <= best(before) + self.config.plateau_delta + NO_GAIN
    }

    fn uncertainty(&self) -> bool {
        let sure = self.config.uncertainty.zip(self.now.uncertainty);
        sure.is_some_and(|(threshold, uncertainty)| uncertainty < threshold)
    }

    fn kappa(&self) -> bool {
        let Some(threshold) = self.config.kappa else { return false };
        let earlier = self.earlier.iter().filter_map(|round| round.signals.as_ref()?.kappa);
        let kappas: Vec<f64> = earlier.chain(self.now.kappa).collect();
        let Some(start) = kappas.len().checked_sub(self.config.kappa_window) else { return false };
        let window = &kappas[start..];
        window.iter().sum::<f64>() / window.len() as f64 + NO_GAIN >= threshold
    }

    fn time(&self) -> bool {
        let earlier: f64 = self.earlier.iter().map(|round| round.cost.seconds.total()).sum();
        self.config.seconds.is_some_and(|limit| earlier + self.seconds.total() >= limit)
    }
}

fn best(scores: &[f64]) -> f64 {
    scores.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests;
