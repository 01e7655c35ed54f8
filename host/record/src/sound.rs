//! Checks that the numbers of a record can be what they say they are: finite, and each within its
//! range. It is asked before a record is written and after it is read.

use serde::Serialize;
use toml::Value;

/// Probabilities may be below 0 by rounding: a threshold below a score of 0.
const ROUNDING: f64 = 1e-6;

/// Says what is wrong with a record, if anything: `metrics.micro_f1 is 1.5, outside 0..=1`.
pub fn problem(record: &impl Serialize) -> Option<String> {
    // TOML and not JSON, which knows no number that is not finite.
    match Value::try_from(record) {
        Ok(value) => walk("", &value),
        Err(error) => Some(format!("is no plain record: {error}")),
    }
}

fn walk(key: &str, value: &Value) -> Option<String> {
    match value {
        Value::Table(table) => table.iter().find_map(|(name, value)| {
            let below = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            walk(&below, value)
        }),
        Value::Array(values) => values.iter().find_map(|value| walk(key, value)),
        Value::Float(value) => of_float(key, *value),
        _ => None,
    }
}

fn of_float(key: &str, value: f64) -> Option<String> {
    // A training may diverge, and what was spent on no token at all is no number.
    if key == "losses" || key == "cost.tokens_per_second" {
        return None;
    }
    let (least, most) = range(key);
    let fits = value.is_finite() && value >= least - ROUNDING && value <= most + ROUNDING;
    (!fits).then(|| match most.is_finite() {
        true => format!("`{key}` is {value}, outside {least}..={most}"),
        false if least.is_finite() => {
            format!("`{key}` is {value}, which is no number from {least} on")
        }
        false => format!("`{key}` is {value}, which is no finite number"),
    })
}

/// Returns the least and the greatest value of a number, by its key.
fn range(key: &str) -> (f64, f64) {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let any = (f64::NEG_INFINITY, f64::INFINITY);
    let positive = (0.0, f64::INFINITY);
    match (section, name) {
        ("", "dev_score") | (_, "scores") => any,
        (_, "labels_per_text" | "label_entropy" | "uncertainty") | ("", "c") => positive,
        (_, "kappa" | "spearman" | "kendall") => (-1.0, 1.0),
        _ if section.split('.').any(|part| part == "cost") => positive,
        _ => (0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use alhost_metrics::{Metrics, Ranking};

    use crate::tests::{round, selection};
    use crate::{RoundRecord, SelectionRecord, Signals};

    /// A record with a number wherever one can be.
    fn full() -> RoundRecord {
        let mut record = round(0, 10, None);
        record.metrics = record.metrics.map(|all| Metrics { head_f1: Some(0.5), ..all });
        record.metrics_at_micro = record.metrics;
        record.metrics_at_macro = record.metrics;
        record.metrics_at_macro_paper = record.metrics;
        record.ranking = record.ranking.map(|all| Ranking { ndcg_at_1: Some(0.5), ..all });
        (record.dev_score, record.c) = (Some(-0.5), Some(30.0));
        let signals = Signals {
            dev: Some(0.5),
            uncertainty: Some(3.0),
            kappa: Some(-0.1),
            predictions: None,
        };
        record.signals = Some(signals);
        record.cost.actual = Some(record.cost.seconds);
        record
    }

    /// Every place of a float in a JSON value.
    fn places(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    places(value, &format!("{at}/{key}"), found);
                }
            }
            serde_json::Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    places(value, &format!("{at}/{index}"), found);
                }
            }
            value if value.is_f64() => found.push(at.to_owned()),
            _ => {}
        }
    }

    #[test]
    fn a_sound_record_has_no_problem() {
        assert_eq!(problem(&full()), None);
        assert_eq!(problem(&selection(0, vec![1, 2])), None);
    }

    #[test]
    fn no_number_of_a_round_may_be_out_of_its_range() {
        let sound = serde_json::to_value(full()).unwrap();
        let mut found = Vec::new();
        places(&sound, "", &mut found);
        assert!(found.len() > 60, "{found:?}");
        for place in found {
            let free = place.starts_with("/losses") || place == "/cost/tokens_per_second";
            let unbounded = place == "/dev_score" || free;
            for (wrong, is_refused) in
                [(1e308, !unbounded && !place.contains("cost")), (-5.0, !unbounded)]
            {
                let mut record = sound.clone();
                *record.pointer_mut(&place).unwrap() = json!(wrong);
                let record: RoundRecord = serde_json::from_value(record).unwrap();
                let wide = ["labels_per_text", "uncertainty", "label_entropy", "/c"];
                let is_refused =
                    is_refused && !(wrong > 0.0 && wide.iter().any(|name| place.ends_with(name)));
                assert_eq!(problem(&record).is_some(), is_refused, "{place} = {wrong}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_refused_but_where_it_has_a_meaning() {
        for wrong in [f64::NAN, f64::INFINITY] {
            let mut record = full();
            record.metrics = record.metrics.map(|all| Metrics { micro_f1: wrong, ..all });
            assert!(problem(&record).unwrap().contains("`metrics.micro_f1`"));
            let mut record = full();
            record.cost.seconds.train = wrong;
            assert!(problem(&record).unwrap().contains("`cost.seconds.train`"));
            let mut record = full();
            record.losses = vec![wrong];
            record.cost.tokens_per_second = wrong;
            assert_eq!(problem(&record), None);
            let selected = SelectionRecord { scores: Some(vec![wrong]), ..selection(0, vec![1]) };
            assert!(problem(&selected).is_some());
        }
    }
}
