//! The range of every number in a config. An upper end is a bound on what a mistake, or somebody's file,
//! can ask of memory and time; it lies far beyond what has a use.

use std::fmt;

use toml::{Table, Value};

use super::sections::{DemoConfig, ModelConfig};

/// Says what a number may be. `docs/config.md` says the same, and a test compares the two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Range {
    /// A whole number from the first to the second.
    Whole(i64, i64),
    /// A number from the first to the second.
    From(f64, f64),
    /// A number above the first, at most the second.
    Above(f64, f64),
    /// A number at least the first, below the second.
    Below(f64, f64),
    /// A number between the first and the second, and neither of them.
    Between(f64, f64),
}

use Range::{Above, Below, Between, From, Whole};

/// Every key that holds numbers, by its full path. A list is as many numbers.
pub(super) const RANGES: [(&str, Range); 44] = [
    // TOML has no larger one.
    ("seeds", Whole(0, i64::MAX)),
    ("data.dev_share", Below(0.0, 1.0)),
    ("data.test_texts", Whole(0, 1_000_000_000)),
    ("data.split_seed", Whole(0, i64::MAX)),
    ("data.demo.train_texts", Whole(1, DemoConfig::MAX_TEXTS as i64)),
    ("data.demo.dev_texts", Whole(0, DemoConfig::MAX_TEXTS as i64)),
    ("data.demo.test_texts", Whole(1, DemoConfig::MAX_TEXTS as i64)),
    ("data.demo.seed", Whole(0, i64::MAX)),
    ("model.max_tokens", Whole(8, 65_536)),
    ("model.widths", Whole(1, 65_536)),
    ("model.filters", Whole(1, 16_384)),
    ("model.dropout", Below(0.0, 1.0)),
    ("model.token_budget", Whole(8, 4_194_304)),
    ("train.c", Above(0.0, 1_000_000.0)),
    ("train.epochs", Whole(1, 100_000)),
    ("train.batch", Whole(1, 65_536)),
    ("train.rate", Above(0.0, 10.0)),
    ("train.head_rate", Above(0.0, 1_000_000.0)),
    ("train.min_epochs", Whole(1, 100_000)),
    ("train.patience", Whole(0, 100_000)),
    ("train.dev_texts", Whole(0, 1_000_000_000)),
    ("loop.initial", Whole(1, 1_000_000_000)),
    ("loop.query_size", Whole(1, 1_000_000_000)),
    ("loop.budget", Whole(1, 1_000_000_000)),
    ("loop.audit", From(0.0, 0.5)),
    ("loop.n_candidates", Whole(1, 1_000_000_000)),
    ("loop.stop.target", Above(0.0, 1.0)),
    ("loop.stop.plateau_rounds", Whole(0, 1_000_000)),
    ("loop.stop.plateau_delta", From(0.0, 1.0)),
    ("loop.stop.uncertainty", Above(0.0, 1_000_000.0)),
    ("loop.stop.kappa", Above(0.0, 1.0)),
    ("loop.stop.kappa_window", Whole(1, 1_000_000)),
    ("loop.stop.seconds", Above(0.0, 1_000_000_000.0)),
    ("oracle.missed", Below(0.0, 1.0)),
    ("oracle.wrong", Below(0.0, 1.0)),
    ("evaluation.fixed", Between(0.0, 1.0)),
    ("evaluation.per_label", From(0.0, 1e9)),
    ("evaluation.propensity_a", From(0.0, 1000.0)),
    ("evaluation.propensity_b", Above(0.0, 1000.0)),
    ("label.suggestions", Whole(0, 100)),
    ("label.overlap", From(0.0, 1.0)),
    ("limits.matrix_gib", Above(0.0, 1_000_000.0)),
    ("isolation.deadline_seconds", Above(0.0, 1_000_000_000.0)),
    ("isolation.memory_gib", Above(0.0, 1_000_000.0)),
];

impl Range {
    fn holds(self, value: &Value) -> bool {
        let number = match *value {
            Value::Integer(n) => match self {
                Whole(least, most) => return (least..=most).contains(&n),
                _ => n as f64,
            },
            Value::Float(x) => x,
            _ => return true,
        };
        match self {
            Whole(..) => false,
            From(least, most) => (least..=most).contains(&number),
            Above(least, most) => number > least && number <= most,
            Below(least, most) => (least..most).contains(&number),
            Between(least, most) => number > least && number < most,
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whole(least, i64::MAX) => write!(f, "from {least} to 2^63-1"),
            Whole(least, most) => write!(f, "from {least} to {most}"),
            From(least, most) => write!(f, "from {least} to {most}"),
            Above(least, most) => write!(f, "above {least} and at most {most}"),
            Below(least, most) => write!(f, "at least {least} and below {most}"),
            Between(least, most) => write!(f, "above {least} and below {most}"),
        }
    }
}

/// Finds the keys whose numbers lie outside their range, each with the message. `prefix` is the
/// section that `table` is: `model.`, or nothing.
pub(super) fn problems(prefix: &str, table: &Table) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for (key, range) in RANGES {
        let path = key.strip_prefix(prefix).map(|path| path.split('.').collect::<Vec<_>>());
        let value = path.and_then(|path| {
            let (first, rest) = path.split_first()?;
            rest.iter().try_fold(table.get(*first)?, |value, part| value.get(part))
        });
        let values = match value {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => continue,
        };
        if let Some(wrong) = values.iter().find(|value| !range.holds(value)) {
            let shown = match wrong {
                // A number of three hundred digits helps nobody.
                Value::Float(x) if x.abs() >= 1e16 => format!("{x:e}"),
                Value::Float(x) => x.to_string(),
                other => other.to_string(),
            };
            found.push((key, format!("is {shown}, but must be {range}")));
        }
    }
    found
}

impl ModelConfig {
    /// Finds what is wrong with its numbers, each as a key and a message; nothing where a model can
    /// be made of them. It also serves a config that comes from elsewhere than a config file.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let table = Table::try_from(self).expect("a section is plain data");
        let mut found = problems("model.", &table);
        if !found.is_empty() {
            return found;
        }
        if self.token_budget < self.max_tokens {
            let message = format!(
                "is {}, but a batch must hold one text of `model.max_tokens` = {}",
                self.token_budget, self.max_tokens
            );
            found.push(("model.token_budget", message));
        }
        found.extend(self.problem_of_widths().map(|message| ("model.widths", message)));
        found
    }

    fn problem_of_widths(&self) -> Option<String> {
        if self.widths.is_empty() {
            return Some("is empty".to_owned());
        }
        if self.widths.iter().any(|width| *width > self.max_tokens) {
            return Some(format!("has a width outside 1..={}", self.max_tokens));
        }
        let all: usize = self.widths.iter().sum();
        let weights = all.saturating_mul(self.filters);
        (weights > MOST_WEIGHTS).then(|| {
            format!(
                "adds up to {all}, which times `model.filters` = {} is more than {MOST_WEIGHTS}",
                self.filters
            )
        })
    }
}

/// The most weights of a CNN head for each hidden unit of the encoder: 1 GiB in all for 1024 units.
const MOST_WEIGHTS: usize = 262_144;

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::super::{ConfigFile, Overrides, keys};
    use super::*;

    /// Keys that hold no number by default and may hold one.
    const OPTIONAL: [&str; 5] = [
        "evaluation.per_label",
        "loop.stop.target",
        "loop.stop.uncertainty",
        "loop.stop.kappa",
        "loop.stop.seconds",
    ];

    fn numeric() -> impl Iterator<Item = &'static str> {
        let is_number = |value: &Json| match value {
            Json::Number(_) => true,
            Json::Array(items) => items.iter().any(Json::is_number),
            _ => false,
        };
        let is_numeric = move |key: &&super::super::Key| {
            is_number(&key.default) || OPTIONAL.contains(&key.path.as_str())
        };
        keys().iter().filter(is_numeric).map(|key| key.path.as_str())
    }

    /// Says what the check, or reading, has against a value that a config may come with.
    fn told(key: &str, value: &str) -> Result<(), String> {
        let value = if matches!(key, "seeds" | "model.widths") {
            format!("[{value}]")
        } else {
            value.into()
        };
        let set = vec![format!("{key}={value}")];
        let file = ConfigFile::parse("", "x.toml", &Overrides { set, ..Overrides::default() });
        let checked = file.and_then(|file| file.check(&|_| None));
        checked.map(drop).map_err(|error| error.to_string())
    }

    const EXTREME: [&str; 18] = [
        "0",
        "-1",
        "1",
        "0.5",
        "-0.0",
        "1e-300",
        "1e300",
        "1e15",
        "1000000000000000",
        "1000000000000",
        "4294967296",
        "nan",
        "inf",
        "-inf",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "18446744073709551616",
    ];

    #[test]
    fn every_number_has_a_range_and_its_default_lies_within() {
        let known: Vec<&str> = RANGES.iter().map(|(key, _)| *key).collect();
        let mut numeric: Vec<&str> = numeric().collect();
        let mut sorted = known.clone();
        sorted.sort_unstable();
        numeric.sort_unstable();
        assert_eq!(sorted, numeric);
        let default = Table::try_from(ConfigFile::default()).unwrap();
        assert_eq!(problems("", &default), []);
    }

    #[test]
    fn a_number_outside_of_its_range_is_refused_with_its_key() {
        for key in numeric() {
            let range = RANGES.iter().find(|(known, _)| *known == key).unwrap().1;
            for value in EXTREME {
                let parsed: Option<Value> = value.parse().ok();
                let fits = parsed.as_ref().is_some_and(|parsed| range.holds(parsed));
                match told(key, value) {
                    Ok(()) => assert!(fits, "{key} = {value} is taken"),
                    Err(message) => assert!(message.contains(key), "{key} = {value}: {message}"),
                }
            }
        }
    }

    #[test]
    fn what_a_model_is_made_of_is_bounded_together() {
        let check = |model: &ModelConfig, expected: &str| {
            let found: Vec<String> = model
                .problems()
                .into_iter()
                .map(|(key, message)| format!("{key} {message}"))
                .collect();
            assert!(
                found.concat().contains(expected) && found.is_empty() == expected.is_empty(),
                "{found:?}"
            );
        };
        check(&ModelConfig::default(), "");
        check(&ModelConfig { dropout: f64::NAN, ..ModelConfig::default() }, "model.dropout is NaN");
        check(
            &ModelConfig { filters: 1_000_000_000_000, ..ModelConfig::default() },
            "model.filters is 1",
        );
        check(&ModelConfig { token_budget: 100, ..ModelConfig::default() }, "must hold one text");
        check(&ModelConfig { widths: vec![], ..ModelConfig::default() }, "is empty");
        check(&ModelConfig { widths: vec![128; 40], ..ModelConfig::default() }, "adds up to 5120");
    }
}
