//! Changes a config as the command line says: `--plugin`, `--seed`, `--device`, `--out`,
//! `--isolate` and `--set`.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::error::{ConfigError, for_people};
use super::file::ConfigFile;
use super::keys::{self, Kind};

/// Changes to a config, applied in the order of the fields, so that `--set` can reach what
/// `--plugin` brought.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The only plugins to run. One that the config names too keeps its parameters.
    pub plugins: Vec<String>,
    /// Changes like those of `set`, each behind the file that says so.
    pub given: Vec<(String, String)>,
    pub seeds: Vec<u64>,
    pub device: Option<String>,
    pub out: Option<String>,
    /// Whether every plugin runs in a process of its own.
    pub isolate: bool,
    /// Changes `key=value` with the key's full path. The value is TOML; what is not TOML is a
    /// string.
    pub set: Vec<String>,
}

impl Overrides {
    /// Changes `table` and notes in `given` where each value came from.
    pub(super) fn apply(
        &self,
        table: &mut Table,
        given: &mut BTreeMap<String, String>,
    ) -> Result<(), ConfigError> {
        if !self.plugins.is_empty() {
            keep_plugins(table, &self.plugins, given);
        }
        for (origin, text) in &self.given {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            set(table, key, value, &format!("{origin}: {text}"), given)?;
        }
        if !self.seeds.is_empty() {
            let seeds = self.seeds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            set(table, "seeds", &format!("[{seeds}]"), "--seed", given)?;
        }
        if let Some(device) = &self.device {
            set(table, "device", device, "--device", given)?;
        }
        if let Some(out) = &self.out {
            set(table, "out", out, "--out", given)?;
        }
        if self.isolate {
            set(table, "isolation.mode", "worker", "--isolate", given)?;
        }
        for text in &self.set {
            let at = format!("--set {text}");
            let Some((key, value)) = text.split_once('=') else {
                let hint = "write the key's full path: --set loop.query_size=50";
                return Err(ConfigError::one(&at, "not `key=value`", Some(hint.to_owned())));
            };
            set(table, key.trim(), value.trim(), &at, given)?;
        }
        Ok(())
    }
}

/// Returns `my-idea` for `my-idea`, `target/libmy_idea.so` and `libmy_idea.so`: so a plugin
/// reference is recognised before any plugin is opened.
pub fn plugin_stem(reference: &str) -> String {
    let file = reference.rsplit('/').next().unwrap_or(reference);
    let Some(stem) = file.strip_suffix(".so") else { return file.to_owned() };
    // An id has no `_`; cargo puts one for each `-` into the name of a library.
    stem.strip_prefix("lib").unwrap_or(stem).replace('_', "-")
}

fn keep_plugins(table: &mut Table, plugins: &[String], given: &mut BTreeMap<String, String>) {
    let known = match table.remove("strategy") {
        Some(Value::Array(known)) => known,
        _ => Vec::new(),
    };
    given.retain(|key, _| !key.starts_with("strategy."));
    let mut kept = Vec::new();
    for plugin in plugins {
        let same = |entry: &&Value| {
            let reference = entry.get("plugin").and_then(Value::as_str);
            reference.is_some_and(|reference| plugin_stem(reference) == plugin_stem(plugin))
        };
        let mut entries: Vec<Value> = known.iter().filter(same).cloned().collect();
        if entries.is_empty() {
            entries.push(Value::Table(Table::new()));
        }
        for mut entry in entries {
            if let Some(entry) = entry.as_table_mut() {
                entry.insert("plugin".to_owned(), Value::String(plugin.clone()));
            }
            given.insert(format!("strategy.{}.plugin", kept.len()), format!("--plugin {plugin}"));
            kept.push(entry);
        }
    }
    table.insert("strategy".to_owned(), Value::Array(kept));
}

fn set(
    table: &mut Table,
    key: &str,
    value: &str,
    at: &str,
    given: &mut BTreeMap<String, String>,
) -> Result<(), ConfigError> {
    let path = resolve(table, key, at)?;
    let string = Value::String(value.to_owned());
    let parsed = value.parse::<Value>().unwrap_or_else(|_| string.clone());
    // `--set name=2024` means the string, although 2024 is a number in TOML.
    let first = insert(table, &path, parsed);
    let checked = first.or_else(|error| insert(table, &path, string).map_err(|_| error));
    *table = checked.map_err(|message| ConfigError::one(at, &message, None))?;
    given.insert(path.join("."), at.to_owned());
    Ok(())
}

/// Returns the path of `key`, with the index of a strategy in the place of its name.
fn resolve(table: &Table, key: &str, at: &str) -> Result<Vec<String>, ConfigError> {
    let mut path: Vec<String> = key.split('.').map(|part| part.trim().to_owned()).collect();
    let mut plain = path.clone();
    if path[0] == "strategy" && path.len() > 1 {
        let wanted = plain.remove(1);
        path[1] = strategy_index(table, &wanted, at)?.to_string();
    }
    let plain = plain.join(".");
    match keys::kind(&plain) {
        Kind::Leaf | Kind::Free => Ok(path),
        Kind::Section => {
            let message = format!("`{key}` is a section");
            let hint = keys::hint(&keys::join(&plain, "?"));
            Err(ConfigError::one(at, &message, Some(hint)))
        }
        Kind::Unknown => {
            let message = format!("unknown key `{key}`");
            Err(ConfigError::one(at, &message, Some(keys::hint(&plain))))
        }
    }
}

/// Finds the strategy that is meant by its position, its name or its plugin.
fn strategy_index(table: &Table, wanted: &str, at: &str) -> Result<usize, ConfigError> {
    let empty = Vec::new();
    let strategies = table.get("strategy").and_then(Value::as_array).unwrap_or(&empty);
    let names: Vec<String> = strategies.iter().map(name_of).collect();
    let by_name = names.iter().position(|name| *name == wanted);
    let by_index = wanted.parse().ok().filter(|&index: &usize| index < strategies.len());
    by_name.or(by_index).ok_or_else(|| {
        let message = format!("no strategy `{wanted}`");
        let hint = match names.as_slice() {
            [] => "the config has no strategy; give one with --plugin".to_owned(),
            names => format!("the strategies are {}", names.join(", ")),
        };
        ConfigError::one(at, &message, Some(hint))
    })
}

fn name_of(strategy: &Value) -> String {
    let text = |key| strategy.get(key).and_then(Value::as_str);
    let name = text("name").map(str::to_owned);
    name.or_else(|| text("plugin").map(plugin_stem)).unwrap_or_default()
}

/// Returns `table` with the value at `path`, where that makes a config; else what is wrong with it.
fn insert(table: &Table, path: &[String], value: Value) -> Result<Table, String> {
    let mut changed = Value::Table(table.clone());
    let mut place = &mut changed;
    for part in path {
        place = match place {
            Value::Array(items) => {
                let index: usize = part.parse().expect("`resolve` put an index here");
                &mut items[index]
            }
            Value::Table(section) => {
                section.entry(part.clone()).or_insert_with(|| Value::Table(Table::new()))
            }
            other => return Err(format!("`{part}` lies in a {}", other.type_str())),
        };
    }
    *place = value;
    let Value::Table(changed) = changed else { unreachable!("it was made as a table") };
    match changed.clone().try_into::<ConfigFile>() {
        Ok(_) => Ok(changed),
        Err(error) => Err(for_people(error.message())),
    }
}
