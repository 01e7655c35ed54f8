//! Checks a config that was read, and makes of it one that can be run: ranges, names, and `${NAME}`
//! in paths.

use std::ops::Deref;

use serde_json::{Value, json};

use super::error::{ConfigError, Problem};
use super::expand::{Unexpanded, expand};
use super::file::ConfigFile;
use super::overrides::plugin_stem;
use super::ranges;
use super::sections::{
    Candidates, Chosen, DataConfig, DataFormat, EarlyStopping, EncoderMode, EvaluationConfig,
    HeadKind, LoopConfig, OracleKind, Penalty, Start, StopConfig, StrategyConfig, ThresholdRule,
};
use super::uses;

/// A config whose values make sense. Only [`ConfigFile::check`] makes one, and none can be changed.
#[derive(Clone, Debug)]
pub struct RunConfig(ConfigFile);

impl Deref for RunConfig {
    type Target = ConfigFile;

    fn deref(&self) -> &ConfigFile {
        &self.0
    }
}

impl ConfigFile {
    /// Checks the whole config. `lookup` answers for the environment, which only `cli` reads.
    pub fn check(self, lookup: &dyn Fn(&str) -> Option<String>) -> Result<RunConfig, ConfigError> {
        let mut check = Check { file: &self, problems: Vec::new() };
        check.general();
        check.numbers();
        check.data();
        check.model();
        check.logistic();
        check.rounds();
        check.evaluation();
        check.labeling();
        check.strategies();
        let path = check.data_path(lookup);
        if !check.problems.is_empty() {
            return Err(ConfigError::Wrong(check.problems));
        }
        let mut file = self;
        file.data.path = path;
        Ok(RunConfig(file))
    }
}

impl RunConfig {
    /// Returns what every run of this config shares and what changes its results: the sections
    /// `data`, `model`, `train`, `loop` and `evaluation`, and `oracle` where it is not the
    /// simulated one.
    ///
    /// Left out are `name`, `out`, `cache` and `data.path`, which say where things lie (the data's
    /// own hash is in the manifest); `limits`, `isolation` and `label`; `seeds` and `strategy`, of which each run has one, in its
    /// manifest; `device`, which the manifest has as it was resolved; `protocol`, whose values are
    /// in the sections.
    pub fn agreed(&self) -> Value {
        let file = &self.0;
        let mut agreed = json!({
            "data": file.data,
            "model": file.model,
            "train": file.train,
            "loop": file.r#loop,
            "evaluation": file.evaluation,
        });
        remove(&mut agreed["data"], "path");
        remove_silent_keys(&mut agreed["data"], &file.data);
        if file.model.head != HeadKind::Logistic {
            remove(&mut agreed["model"], "pooling");
            remove(&mut agreed["train"], "c");
        }
        // As it was before there was a choice.
        if (file.train.early_stopping, file.train.min_epochs) == (EarlyStopping::Threshold, 1) {
            remove(&mut agreed["train"], "early_stopping");
            remove(&mut agreed["train"], "min_epochs");
        }
        remove_usual_propensities(&mut agreed["evaluation"]);
        if file.oracle.kind != OracleKind::Simulated {
            agreed["oracle"] = json!(file.oracle);
        }
        if file.oracle.kind == OracleKind::Human {
            // Shares of mistakes say nothing of people.
            agreed["oracle"] = json!({ "kind": file.oracle.kind });
        }
        // What is off is as if it did not exist.
        if file.r#loop.stop == StopConfig::default() {
            remove(&mut agreed["loop"], "stop");
        }
        if file.r#loop.audit <= 0.0 {
            remove(&mut agreed["loop"], "audit");
        }
        if file.r#loop.candidates == Candidates::All {
            remove(&mut agreed["loop"], "candidates");
        }
        if !file.r#loop.candidates.are_counted() {
            remove(&mut agreed["loop"], "n_candidates");
        }
        agreed
    }

    /// Names [`RunConfig::agreed`]: two configs with the same hash give the same results.
    pub fn hash(&self) -> String {
        let mut text = String::new();
        canonical(&self.agreed(), &mut text);
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }

    /// Returns the strategies to run; none is an error here and not in the check, since not every
    /// command needs one.
    pub fn strategies(&self) -> Result<&[StrategyConfig], ConfigError> {
        if self.0.strategy.is_empty() {
            let hint = "give one with --plugin target/libalps.so, or a [[strategy]] in the config";
            return Err(ConfigError::one("strategy", "no strategy to run", Some(hint.to_owned())));
        }
        Ok(&self.0.strategy)
    }
}

/// Removes the keys of `[data]` that came later and say nothing, as if they did not exist.
fn remove_silent_keys(section: &mut Value, data: &DataConfig) {
    let says_nothing = [
        ("train_labels", data.train_labels.is_none()),
        ("dev_labels", data.dev_labels.is_none()),
        ("test_labels", data.test_labels.is_none()),
        ("dev_share", data.dev_share <= 0.0),
        ("test_texts", data.test_texts == 0),
        ("split_seed", data.split_seed == DataConfig::default().split_seed),
        ("train_filter", data.train_filter.is_none()),
        ("dev_filter", data.dev_filter.is_none()),
        ("test_filter", data.test_filter.is_none()),
        ("label_columns", data.label_columns.is_empty()),
        ("separator", data.separator.is_none()),
        ("quote", data.quote.is_none()),
        ("header", data.header),
    ];
    for (key, _) in says_nothing.into_iter().filter(|(_, says_nothing)| *says_nothing) {
        remove(section, key);
    }
}

/// Removes the constants of the propensity model that are the default ones.
fn remove_usual_propensities(section: &mut Value) {
    if let Some(evaluation) = section.as_object_mut() {
        let default = json!(EvaluationConfig::default());
        evaluation.retain(|key, value| {
            !key.starts_with("propensity_") || Some(&*value) != default.get(key)
        });
    }
}

fn remove(section: &mut Value, key: &str) {
    if let Some(section) = section.as_object_mut() {
        section.remove(key);
    }
}

/// Whether a name can be that of a folder and leads nowhere else: a strategy's, a data set's.
pub fn names_a_folder(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=MOST_OF_A_NAME).contains(&name.len()) && !name.starts_with('.') && name.chars().all(plain)
}

/// Says what the name of a folder is made of.
pub(super) const HINT_FOR_NAMES: &str = "letters, digits, `-`, `_` and `.`, not beginning with `.`";

/// The most bytes of such a name; file systems take 255.
const MOST_OF_A_NAME: usize = 200;

/// Replaces `~/` at the start of a path, which no shell has replaced in a file.
fn at_home(path: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    let below = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    below.zip(lookup("HOME")).map_or_else(|| path.to_owned(), |(below, home)| home + below)
}

/// Writes JSON with sorted keys and no spaces, whatever order `serde_json` keeps.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in entries {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

/// Collects what is wrong with a config.
struct Check<'a> {
    file: &'a ConfigFile,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn require(&mut self, holds: bool, key: &str, message: &str, hint: Option<&str>) {
        if holds {
            return;
        }
        let at = self.file.given(key).unwrap_or("default").to_owned();
        let message = format!("`{key}` {message}");
        self.problems.push(Problem { at, message, hint: hint.map(str::to_owned) });
    }

    /// Checks the numbers of all sections but `[model]`, which are bounded together, see
    /// [`Check::model`].
    fn numbers(&mut self) {
        let table = toml::Table::try_from(self.file).expect("a config is plain data");
        for (key, message) in ranges::problems("", &table) {
            self.require(key.starts_with("model."), key, &message, None);
        }
    }

    fn general(&mut self) {
        let file = self.file;
        self.folder_name("name", &file.name);
        let mut seeds = file.seeds.clone();
        seeds.sort_unstable();
        seeds.dedup();
        self.require(!seeds.is_empty(), "seeds", "is empty", Some("one seed: seeds = [1]"));
        let repeats = seeds.len() < file.seeds.len();
        self.require(!repeats, "seeds", "names a seed twice", None);
        let index = file.device.strip_prefix("cuda:");
        let device_known = matches!(file.device.as_str(), "auto" | "cpu" | "cuda")
            || index.is_some_and(|index| index.parse::<u16>().is_ok());
        let message = format!("is `{}`", file.device);
        let hint = "a device is `auto`, `cpu`, `cuda` or `cuda:0`";
        self.require(device_known, "device", &message, Some(hint));
    }

    /// Checks that a name that becomes a folder does not lead elsewhere.
    fn folder_name(&mut self, key: &str, name: &str) {
        let fine = names_a_folder(name);
        let message = format!("is `{name}`, which cannot name a folder");
        let hint = HINT_FOR_NAMES;
        self.require(fine, key, &message, Some(hint));
    }

    fn data(&mut self) {
        let data = &self.file.data;
        self.require(!data.train.is_empty(), "data.train", "is empty", None);
        self.require(!data.labels_column.is_empty(), "data.labels_column", "is empty", None);
        self.require(!data.text_columns.is_empty(), "data.text_columns", "is empty", None);
        if let Some(separator) = &data.separator {
            let is_one = matches!(separator.as_bytes(), [byte] if !b"\"\r\n".contains(byte));
            let message =
                format!("is `{separator}`, but must be one ASCII character, and no quote");
            self.require(is_one, "data.separator", &message, Some("such as \";\" or \"\\t\""));
        }
        let is_both = !data.label_columns.is_empty()
            && data.labels_column != DataConfig::default().labels_column;
        let message =
            "and `data.labels_column` are both given, but labels stand in one or the other";
        self.require(!is_both, "data.label_columns", message, Some("leave out one of them"));
        self.unused_keys();
        let share = data.dev_share;
        let both = share > 0.0 && (!data.dev.is_empty() || data.format == DataFormat::Demo);
        let message = "asks for a part of train as dev set, but there is one already";
        self.require(!both, "data.dev_share", message, Some("leave out one: data.dev = \"\""));
    }

    /// Refuses a key that the format does not use, where it says something.
    fn unused_keys(&mut self) {
        for key in uses::unused(&self.file.data) {
            let format = self.file.data.format.name();
            let users: Vec<&str> = uses::users(key).iter().map(|format| format.name()).collect();
            let message = format!("is not used by the format `{format}`");
            let hint = format!("leave it out; the formats that use it are {}", users.join(", "));
            self.require(false, &format!("data.{key}"), &message, Some(&hint));
        }
    }

    fn data_path(&mut self, lookup: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let data = &self.file.data;
        let hint = "give the folder of the data with --set data.path=FOLDER";
        if data.path.is_none() {
            let demo = data.format == DataFormat::Demo;
            self.require(demo, "data.path", "is missing", Some(hint));
        }
        match expand(&at_home(data.path.as_deref()?, lookup), lookup) {
            Ok(path) if path.is_empty() => {
                self.require(false, "data.path", "is empty", Some(hint));
                None
            }
            Ok(path) => Some(path),
            Err(Unexpanded::Missing(name)) => {
                let message = format!("needs the environment variable `{name}`, which is not set");
                let hint = format!(
                    "set {name} to the folder of the data, or give it with --set data.path=FOLDER"
                );
                self.require(false, "data.path", &message, Some(&hint));
                None
            }
            Err(Unexpanded::Open) => {
                self.require(false, "data.path", "has a `${` without its `}`", None);
                None
            }
        }
    }

    fn model(&mut self) {
        let model = &self.file.model;
        self.require(!model.checkpoint.is_empty(), "model.checkpoint", "is empty", None);
        for (key, message) in model.problems() {
            self.require(false, key, &message, None);
        }
    }

    /// Checks what a logistic head needs: it is found in one solve, on embeddings that nothing
    /// changes.
    fn logistic(&mut self) {
        let (model, train) = (&self.file.model, &self.file.train);
        if model.head != HeadKind::Logistic {
            return;
        }
        let frozen = model.encoder == EncoderMode::Frozen;
        let message = "is `fine-tuned`, but a logistic head is fitted on a frozen encoder";
        let hint = "model.encoder = \"frozen\", or another head: model.head = \"cnn\"";
        self.require(frozen, "model.encoder", message, Some(hint));
        let message = "is `warm`, but a logistic head depends on its texts alone";
        let cold = train.start == Start::Pretrained;
        self.require(cold, "train.start", message, Some("leave out train.start"));
        let message = "is `dev`, but the data has no dev set";
        let by_dev = train.c == Penalty::Chosen(Chosen::Dev);
        let hint = "a number, such as train.c = 30.0";
        self.require(!by_dev || self.has_dev(), "train.c", message, Some(hint));
        let LoopConfig { initial, audit, .. } = self.file.r#loop;
        let of_audit = (audit * initial as f64).floor() as usize;
        let message = match of_audit {
            0 => format!("is {initial}, but a logistic head needs two texts"),
            _ => format!(
                "is {initial}, {of_audit} of them of the audit, but a logistic head needs two others"
            ),
        };
        self.require(initial.saturating_sub(of_audit) >= 2, "loop.initial", &message, None);
    }

    fn rounds(&mut self) {
        let rounds = &self.file.r#loop;
        let strategy = &rounds.initial_strategy;
        let hint = "`random`, or a plugin that needs no classifier, such as `alps`";
        self.require(!strategy.is_empty(), "loop.initial_strategy", "is empty", Some(hint));
        let message = format!(
            "is {}, but the initial set alone (`loop.initial`) has {}",
            rounds.budget, rounds.initial
        );
        let hint = "the budget counts the initial set too";
        self.require(rounds.budget >= rounds.initial, "loop.budget", &message, Some(hint));
        let is_used = rounds.candidates.are_counted();
        let is_usual = rounds.n_candidates == LoopConfig::default().n_candidates;
        let message = "is given, but no filter counts candidates";
        let hint =
            "leave it out, or choose one that does: loop.candidates = \"random\" or \"nearest\"";
        self.require(is_used || is_usual, "loop.n_candidates", message, Some(hint));
        self.stop();
    }

    fn stop(&mut self) {
        let stop = &self.file.r#loop.stop;
        let on_dev = [
            ("loop.stop.target", stop.target.is_some()),
            ("loop.stop.plateau_rounds", stop.plateau_rounds > 0),
        ];
        for (key, is_on) in on_dev {
            let message = "looks at a dev set, and the data has none";
            let has_dev = self.has_dev() || self.file.r#loop.audit > 0.0;
            self.require(!is_on || has_dev, key, message, None);
        }
    }

    fn has_dev(&self) -> bool {
        let data = &self.file.data;
        match data.format {
            DataFormat::Demo => data.demo.dev_texts > 0,
            _ => !data.dev.is_empty() || data.dev_share > 0.0,
        }
    }

    fn evaluation(&mut self) {
        let evaluation = &self.file.evaluation;
        let needs_dev = !matches!(
            evaluation.threshold,
            ThresholdRule::Each | ThresholdRule::Cardinality | ThresholdRule::Fixed
        );
        let no_dev = !self.has_dev() && self.file.r#loop.audit <= 0.0;
        let hint = "data.dev_share = 0.1 takes a tenth of train as dev set; without one, use \
                    evaluation.threshold = \"cardinality\" or \"fixed\"";
        let message = "is tuned on a dev set, and the data has none";
        self.require(!(needs_dev && no_dev), "evaluation.threshold", message, Some(hint));
        let asks = evaluation.per_label.is_some();
        let hint = "data.dev_share = 0.1 takes a tenth of train as dev set; else leave the key out";
        self.require(!(asks && no_dev), "evaluation.per_label", message, Some(hint));
    }

    fn labeling(&mut self) {
        let is_human = self.file.oracle.kind == OracleKind::Human;
        let has_folder = self.file.data.format != DataFormat::Demo;
        let message = "is `human`, but the demo corpus has no folder for the answers";
        let hint = "`alhost label new` makes a project of texts";
        self.require(!is_human || has_folder, "oracle.kind", message, Some(hint));
        let grows = is_human && self.file.label.new_labels;
        let is_warm = self.file.train.start == Start::Warm;
        let message =
            "is `warm`, but labels may be added, which the last round's weights do not have";
        let hint = "label.new_labels = false, or leave train.start out";
        self.require(!(grows && is_warm), "train.start", message, Some(hint));
    }

    fn strategies(&mut self) {
        let strategies = &self.file.strategy;
        let mut names: Vec<String> = Vec::new();
        for (index, strategy) in strategies.iter().enumerate() {
            let key = format!("strategy.{index}.plugin");
            self.require(!strategy.plugin.is_empty(), &key, "is empty", None);
            if let Some(name) = &strategy.name {
                self.folder_name(&format!("strategy.{index}.name"), name);
            }
            let name = strategy.name.clone().unwrap_or_else(|| plugin_stem(&strategy.plugin));
            let hint = "give each its own `name`";
            let message = format!("is the second strategy called `{name}`");
            self.require(!names.contains(&name), &key, &message, Some(hint));
            names.push(name);
        }
    }
}
