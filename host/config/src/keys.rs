//! Every key a config may have, taken from the types themselves, and the nearest one to a mistake.

use std::sync::LazyLock;

use serde_json::Value;

use super::file::ConfigFile;
use super::sections::StrategyConfig;

/// A key with its full path, `train.epochs`.
#[derive(Clone, Debug)]
pub struct Key {
    /// A key of `[[strategy]]` has no index here: `strategy.plugin`.
    pub path: String,
    /// Is null where absent means something of its own, or where the key must be given.
    pub default: Value,
}

/// All keys, sorted.
pub fn keys() -> &'static [Key] {
    static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
        let example =
            StrategyConfig { plugin: String::new(), name: None, params: toml::Table::default() };
        let mut file = ConfigFile::default();
        file.strategy.push(example);
        // JSON and not TOML, since TOML has no null and would leave the optional keys out.
        let value = serde_json::to_value(&file).expect("a config is plain data");
        let mut keys = Vec::new();
        collect("", &value, &mut keys);
        keys.sort_by(|a, b| a.path.cmp(&b.path));
        keys
    });
    &KEYS
}

fn collect(path: &str, value: &Value, keys: &mut Vec<Key>) {
    match value {
        Value::Object(table) if path != FREE => {
            for (name, value) in table {
                collect(&join(path, name), value, keys);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => collect(path, &items[0], keys),
        _ if path == "strategy.plugin" => {
            keys.push(Key { path: path.to_owned(), default: Value::Null });
        }
        _ => keys.push(Key { path: path.to_owned(), default: value.clone() }),
    }
}

/// The one table whose keys are not ours to know: each plugin declares its own parameters.
const FREE: &str = "strategy.params";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Holds a value.
    Leaf,
    /// Holds keys.
    Section,
    /// Lies in a strategy's parameters.
    Free,
    Unknown,
}

/// Tells the kind of a key; `path` has no indices.
pub(super) fn kind(path: &str) -> Kind {
    if path == FREE || path.strip_prefix(FREE).is_some_and(|rest| rest.starts_with('.')) {
        return Kind::Free;
    }
    for key in keys() {
        if key.path == path {
            return Kind::Leaf;
        }
        if key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')) {
            return Kind::Section;
        }
    }
    Kind::Unknown
}

/// A hint for a key that does not exist.
pub(super) fn hint(path: &str) -> String {
    if let Some(near) = nearest(path) {
        return format!("did you mean `{near}`?");
    }
    let section = parent(path);
    if kind(section) == Kind::Leaf {
        return format!("did you mean `{section}`?");
    }
    let siblings: Vec<&str> = names().filter(|n| parent(n) == section).map(last).collect();
    match section {
        "" => format!("the keys and sections are {}", siblings.join(", ")),
        _ => format!("the keys of [{section}] are {}", siblings.join(", ")),
    }
}

/// The key or section that a misspelt or misplaced one most likely means.
fn nearest(path: &str) -> Option<&'static str> {
    // Below this, suggestions are noise; measured on the misspellings in the tests.
    const LIKE_ENOUGH: f64 = 0.82;
    // Of two that are equally like, the one of the same section.
    const SAME_SECTION: f64 = 0.05;
    let likeness = |name: &str| {
        let same = if parent(name) == parent(path) { SAME_SECTION } else { 0.0 };
        strsim::jaro_winkler(last(name), last(path)) + same
    };
    let best = names().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= LIKE_ENOUGH).then_some(best)
}

/// All keys and sections.
fn names() -> impl Iterator<Item = &'static str> {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut names: Vec<String> = Vec::new();
        for key in keys() {
            for (dot, _) in key.path.match_indices('.') {
                names.push(key.path[..dot].to_owned());
            }
            names.push(key.path.clone());
        }
        names.dedup();
        names.sort();
        names.dedup();
        names
    });
    NAMES.iter().map(String::as_str)
}

pub(super) fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(section, _)| section)
}

fn last(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_and_misplaced_keys_find_the_right_one() {
        let check = |wrong: &str, right: &str| {
            assert_eq!(hint(wrong), format!("did you mean `{right}`?"), "for `{wrong}`");
        };
        check("train.bacth", "train.batch");
        check("train.batch_size", "train.batch");
        check("loop.querysize", "loop.query_size");
        check("epochs", "train.epochs");
        check("modle", "model");
        check("seed", "seeds");
        check("data.demo.train_text", "data.demo.train_texts");
        check("evaluation.treshold", "evaluation.threshold");
        check("strategies", "strategy");
    }

    #[test]
    fn where_nothing_is_like_it_the_section_is_listed() {
        let hint = hint("loop.xyzzy");
        assert_eq!(
            hint,
            "the keys of [loop] are audit, budget, candidates, initial, initial_strategy, n_candidates, \
             query_size, stop"
        );
    }

    #[test]
    fn optional_keys_are_keys_and_parameters_are_free() {
        assert_eq!(kind("data.path"), Kind::Leaf);
        assert_eq!(kind("data.demo"), Kind::Section);
        assert_eq!(kind("strategy.name"), Kind::Leaf);
        assert_eq!(kind("strategy.params.anything.at.all"), Kind::Free);
        assert_eq!(kind("strategy.parameters"), Kind::Unknown);
        assert_eq!(kind("dat"), Kind::Unknown);
    }
}
