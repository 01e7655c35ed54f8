//! What the tests share: a small task, the toy, and strategies that were built beside the tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use alhost_base::progress::Silent;
use alhost_config::{ConfigFile, Overrides, RunConfig};
use alhost_engine::plan::Shelf;
use alhost_engine::{Experiment, Plan, Strategies, Watch, Workers};
use alhost_plugin_host::SearchPath;

use crate::toy::Toys;

pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);

pub(crate) const WATCH: Watch<'static> = Watch { progress: &Silent, cancelled: &NEVER };

/// A plugin that cargo built for these tests.
pub(crate) fn plugin(name: &str) -> String {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    folder.join(format!("lib{name}.so")).to_str().unwrap().to_owned()
}

/// Eight texts to begin with, then six a round: four rounds on a corpus that is made up.
pub(crate) const CONFIG: &str = r#"
name = "toy"
[data]
format = "demo"
demo = { train_texts = 60, dev_texts = 30, test_texts = 30, seed = 5 }
[model]
encoder = "fine-tuned"
head = "linear"
max_tokens = 32
[train]
epochs = 3
[loop]
initial = 8
query_size = 6
budget = 24
[isolation]
mode = "off"
"#;

pub(crate) fn config(out: &Path, plugins: &[&str], set: &[&str]) -> RunConfig {
    let overrides = Overrides {
        plugins: plugins.iter().map(|name| plugin(name)).collect(),
        out: Some(out.display().to_string()),
        set: set.iter().map(|one| (*one).to_owned()).collect(),
        ..Overrides::default()
    };
    ConfigFile::parse(CONFIG, "toy.toml", &overrides).unwrap().check(&|_| None).unwrap()
}

pub(crate) fn shelf() -> Shelf<'static> {
    Shelf { search: SearchPath::new(None, None), is_ours: &|_| true }
}

/// An experiment on the toy, and its strategies; the records lie below `folder`.
pub(crate) struct Opened {
    pub(crate) experiment: Experiment,
    pub(crate) strategies: Strategies,
}

impl Opened {
    pub(crate) fn new(folder: &Path, plugins: &[&str], set: &[&str]) -> Self {
        let cache = folder.join("cache");
        Self::telling((folder, &cache), plugins, set, &[], &Toys(Arc::new(|_| {})))
    }

    pub(crate) fn telling(
        (folder, cache): (&Path, &Path),
        plugins: &[&str],
        set: &[&str],
        shadows: &[&str],
        toys: &Toys,
    ) -> Self {
        let config = config(&folder.join("runs"), plugins, set);
        let shadows: Vec<String> = shadows.iter().map(|name| plugin(name)).collect();
        let plan = Plan::of(&config, &shadows, &shelf()).unwrap();
        let workers = Workers { program: PathBuf::from("none"), cancelled: &NEVER };
        let strategies = Strategies::new(plan, &config, cache, workers);
        let experiment = Experiment::open(config, toys, cache, &Silent).unwrap();
        Self { experiment, strategies }
    }
}
