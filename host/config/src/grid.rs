//! A grid for `alhost bench`: data sets x strategies x seeds, each data set a config of its own.

use std::path::{Path, PathBuf};

use alhost_base::foreign;
use serde::Deserialize;
use toml::{Table, Value};

use super::check::{HINT_FOR_NAMES, names_a_folder};
use super::error::{ConfigError, for_people, line_and_column};
use super::file::{ConfigFile, IN_TOML, MOST_BYTES};
use super::overrides::{Overrides, plugin_stem};
use super::sections::StrategyConfig;

/// A grid as it was read. `docs/bench.md` describes the file.
#[derive(Clone, Debug)]
pub struct GridFile {
    pub name: String,
    /// Folder of everything of this grid: `<out>/<name>`.
    pub folder: PathBuf,
    /// Configs, one for each data set. Its `name` is the data set's, its `out` is `folder`.
    pub configs: Vec<ConfigFile>,
    /// The table `[slurm]`, for whoever talks to a cluster. No result depends on it.
    pub slurm: Table,
}

#[derive(Deserialize)]
struct Written {
    name: String,
    config: Option<PathBuf>,
    seeds: Option<Vec<u64>>,
    out: Option<PathBuf>,
    device: Option<String>,
    protocol: Option<String>,
    #[serde(default)]
    slurm: Table,
    #[serde(flatten)]
    sections: Table,
    #[serde(default)]
    dataset: Vec<WrittenDataSet>,
    #[serde(default)]
    strategy: Vec<StrategyConfig>,
}

#[derive(Deserialize)]
struct WrittenDataSet {
    name: String,
    config: Option<PathBuf>,
    #[serde(flatten)]
    sections: Table,
}

/// The sections that a grid may change, key by key, in the configs that it starts from.
const SECTIONS: [&str; 9] =
    ["data", "model", "train", "loop", "oracle", "evaluation", "cache", "limits", "isolation"];

impl GridFile {
    /// Reads a grid. `overrides` come from the command line and win over the file.
    pub fn read(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let text = foreign::read_text(path, MOST_BYTES)?;
        let origin = path.display().to_string();
        check_keys(&text, &origin)?;
        let written: Written = toml::from_str(&text).map_err(|error| {
            let at = match error.span() {
                Some(span) => format!("{origin}:{}", line_and_column(&text, span.start)),
                None => origin.clone(),
            };
            let error = ConfigError::one(&at, &for_people(error.message()), None);
            if text.parse::<Table>().is_ok() { error } else { error.with_hint(IN_TOML) }
        })?;
        let beside = path.parent().unwrap_or(Path::new("."));
        written.into_grid(&origin, beside, overrides)
    }
}

impl Written {
    fn into_grid(
        self,
        origin: &str,
        beside: &Path,
        overrides: &Overrides,
    ) -> Result<GridFile, ConfigError> {
        let out = overrides.out.clone().map(PathBuf::from).or(self.out.clone());
        let folder = out.unwrap_or_else(|| PathBuf::from("runs")).join(&self.name);
        check_name(origin, "name", &self.name)?;
        let alone =
            [WrittenDataSet { name: self.name.clone(), config: None, sections: Table::new() }];
        let data_sets = if self.dataset.is_empty() { &alone[..] } else { &self.dataset };
        let mut configs: Vec<ConfigFile> = Vec::new();
        for data_set in data_sets {
            check_name(origin, "dataset.name", &data_set.name)?;
            if configs.iter().any(|config| config.name == data_set.name) {
                let message = format!("two data sets are called `{}`", data_set.name);
                return Err(ConfigError::one(origin, &message, None));
            }
            let mut config = self.config_of(data_set, origin, beside, overrides)?;
            config.name.clone_from(&data_set.name);
            config.out.clone_from(&folder);
            configs.push(config);
        }
        check_strategies(origin, &configs)?;
        Ok(GridFile { name: self.name, folder, configs, slurm: self.slurm })
    }

    fn config_of(
        &self,
        data_set: &WrittenDataSet,
        origin: &str,
        beside: &Path,
        overrides: &Overrides,
    ) -> Result<ConfigFile, ConfigError> {
        let mut given = Vec::new();
        let mut give = |key: &str, value: String| {
            given.push((origin.to_owned(), format!("{key}={value}")));
        };
        if let Some(protocol) = &self.protocol {
            give("protocol", protocol.clone());
        }
        if let Some(device) = &self.device {
            give("device", device.clone());
        }
        if let Some(seeds) = &self.seeds {
            give("seeds", format!("{seeds:?}"));
        }
        for sections in [&self.sections, &data_set.sections] {
            each_section(sections, &mut give);
        }
        let overrides = Overrides { given, out: None, ..overrides.clone() };
        let mut config = match data_set.config.as_ref().or(self.config.as_ref()) {
            Some(path) => ConfigFile::read(&beside.join(path), &overrides)?,
            None => ConfigFile::parse("", origin, &overrides)?,
        };
        // Strategies of the command line have been put in their place by then.
        if !self.strategy.is_empty() && overrides.plugins.is_empty() {
            config.strategy.clone_from(&self.strategy);
        }
        Ok(config)
    }
}

fn each_section(sections: &Table, give: &mut dyn FnMut(&str, String)) {
    for name in SECTIONS {
        match sections.get(name) {
            Some(Value::Table(table)) => flatten(name, table, give),
            Some(value) => give(name, value.to_string()),
            None => {}
        }
    }
}

fn flatten(path: &str, table: &Table, give: &mut dyn FnMut(&str, String)) {
    for (name, value) in table {
        let path = format!("{path}.{name}");
        match value {
            Value::Table(table) => flatten(&path, table, give),
            value => give(&path, value.to_string()),
        }
    }
}

/// Checks the keys of a grid file's top and of its data sets: with sections flattened, serde would
/// take any.
fn check_keys(text: &str, origin: &str) -> Result<(), ConfigError> {
    const TOP: [&str; 9] =
        ["name", "config", "seeds", "out", "device", "protocol", "slurm", "dataset", "strategy"];
    const DATA_SET: [&str; 2] = ["name", "config"];
    // What is not TOML at all is told by the caller, with its line.
    let Ok(table) = text.parse::<Table>() else { return Ok(()) };
    let check = |table: &Table, known: &[&str], place: &str| {
        let unknown = table
            .keys()
            .find(|key| !known.contains(&key.as_str()) && !SECTIONS.contains(&key.as_str()));
        let Some(key) = unknown else { return Ok(()) };
        let message = format!("unknown key `{key}` {place}");
        let keys = [known, &SECTIONS[..]].concat().join(", ");
        Err(ConfigError::one(origin, &message, Some(format!("the keys are {keys}"))))
    };
    check(&table, &TOP, "in a grid")?;
    let data_sets = table.get("dataset").and_then(Value::as_array);
    for data_set in data_sets.into_iter().flatten().filter_map(Value::as_table) {
        check(data_set, &DATA_SET, "in [[dataset]]")?;
    }
    Ok(())
}

fn check_name(origin: &str, key: &str, name: &str) -> Result<(), ConfigError> {
    if names_a_folder(name) {
        return Ok(());
    }
    let message = format!("`{key}` is `{name}`, which cannot name a folder");
    Err(ConfigError::one(origin, &message, Some(HINT_FOR_NAMES.to_owned())))
}

/// Checks that all data sets have the same strategies, since comparisons are between strategies.
fn check_strategies(origin: &str, configs: &[ConfigFile]) -> Result<(), ConfigError> {
    let names = |config: &ConfigFile| -> Vec<String> {
        let name = |strategy: &StrategyConfig| {
            strategy.name.clone().unwrap_or_else(|| plugin_stem(&strategy.plugin))
        };
        config.strategy.iter().map(name).collect()
    };
    let hint = || Some("give them in the grid: [[strategy]] with `plugin = \"alps\"`".to_owned());
    let Some(first) = configs.first().map(names) else { return Ok(()) };
    if first.is_empty() {
        return Err(ConfigError::one(origin, "no strategy to run", hint()));
    }
    for config in configs {
        if names(config) != first {
            let message = format!(
                "the data sets `{}` and `{}` have different strategies",
                configs[0].name, config.name
            );
            return Err(ConfigError::one(origin, &message, hint()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, overrides: &Overrides) -> Result<GridFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let base = "[loop]\nbudget = 700\nquery_size = 30\n[[strategy]]\nplugin = \"alps\"\n";
        fs_err::write(folder.path().join("base.toml"), base).unwrap();
        let path = folder.path().join("grid.toml");
        fs_err::write(&path, text).unwrap();
        let place = format!("{}/", folder.path().display());
        GridFile::read(&path, overrides).map_err(|error| error.to_string().replace(&place, ""))
    }

    fn grid(text: &str) -> GridFile {
        read(text, &Overrides::default()).unwrap()
    }

    #[test]
    fn a_grid_of_one_data_set_is_a_config_with_changes() {
        let grid = grid(
            "name = \"g\"\nconfig = \"base.toml\"\nseeds = [4, 5]\nout = \"there\"\n\
             [loop]\nbudget = 300\n[data.demo]\ntrain_texts = 50\n",
        );
        assert_eq!(grid.folder, Path::new("there/g"));
        let [config] = &grid.configs[..] else { panic!("one data set") };
        assert_eq!((config.name.as_str(), config.out.as_path()), ("g", Path::new("there/g")));
        assert_eq!((config.r#loop.budget, config.r#loop.query_size), (300, 30));
        assert_eq!((config.data.demo.train_texts, &config.seeds[..]), (50, &[4, 5][..]));
        assert!(grid.slurm.is_empty());
        assert_eq!(config.strategy[0].plugin, "alps");
    }

    #[test]
    fn what_a_data_set_says_wins_over_the_grid_and_that_over_the_config() {
        let grid = grid(
            "name = \"g\"\nconfig = \"base.toml\"\n[loop]\nbudget = 300\n\
             [[dataset]]\nname = \"a\"\n[[dataset]]\nname = \"b\"\nloop.budget = 200\n\
             [[strategy]]\nplugin = \"x/libdal.so\"\nparams.k = 3\n[[strategy]]\nplugin = \"dal\"\n\
             name = \"other\"\n",
        );
        let budgets: Vec<usize> = grid.configs.iter().map(|c| c.r#loop.budget).collect();
        assert_eq!(budgets, [300, 200]);
        for config in &grid.configs {
            assert_eq!(config.strategy.len(), 2);
            assert_eq!(config.strategy[0].params["k"].as_integer(), Some(3));
            assert_eq!(config.r#loop.query_size, 30);
        }
    }

    #[test]
    fn what_a_cluster_is_told_stays_as_it_is() {
        let text = "name = \"g\"\nconfig = \"base.toml\"\n[slurm]\npartition = \"gpu\"\nany = 3\n";
        let grid = grid(text);
        assert_eq!(grid.slurm["partition"].as_str(), Some("gpu"));
        assert_eq!(grid.slurm["any"].as_integer(), Some(3));
    }

    #[test]
    fn the_command_line_wins() {
        let overrides = Overrides {
            seeds: vec![9],
            out: Some("elsewhere".to_owned()),
            set: vec!["loop.budget=150".to_owned()],
            plugins: vec!["dal".to_owned()],
            ..Overrides::default()
        };
        let text =
            "name = \"g\"\nseeds = [1]\n[loop]\nbudget = 300\n[[strategy]]\nplugin = \"alps\"\n";
        let grid = read(text, &overrides).unwrap();
        assert_eq!(grid.folder, Path::new("elsewhere/g"));
        let config = &grid.configs[0];
        assert_eq!((config.r#loop.budget, &config.seeds[..]), (150, &[9][..]));
        assert_eq!(config.strategy[0].plugin, "dal");
    }

    #[test]
    fn mistakes_say_where_and_what_would_be_right() {
        let check = |text: &str, parts: &[&str]| {
            let error = read(text, &Overrides::default()).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "no `{part}` in: {error}");
            }
        };
        let one = "\n[[strategy]]\nplugin = \"alps\"\n";
        check("name = 3", &["grid.toml:1:8"]);
        check("seeds = [1]", &["name"]);
        check(&format!("name = \"g\"\nseds = [1]{one}"), &["unknown key `seds`", "seeds"]);
        check(&format!("name = \"g\"\nslurm = 1{one}"), &["grid.toml:2", "expected a table"]);
        check(&format!("name = \"../g\"{one}"), &["cannot name a folder"]);
        check("name = \"g\"", &["no strategy to run", "[[strategy]]"]);
        check(&format!("name = \"g\"\n[loop]\nqueri_size = 3{one}"), &["grid.toml", "query_size"]);
        check(&format!("name = \"g\"\n[loop]\nbudget = \"x\"{one}"), &["loop.budget"]);
        check(&format!("name = \"g\"\nconfig = \"no.toml\"{one}"), &["no.toml"]);
        check(&format!("name = \"g\"{one}loop.budget = 30\n"), &["loop"]);
        let two = "[[dataset]]\nname = \"a\"\n[[dataset]]\nname = \"a\"\n";
        check(&format!("name = \"g\"\n{two}{one}"), &["two data sets are called `a`"]);
        let two = "[[dataset]]\nname = \"a\"\n[[dataset]]\nname = \"b\"\nconfig = \"base.toml\"\n";
        check(&format!("name = \"g\"\n{two}"), &["no strategy"]);
    }
}
