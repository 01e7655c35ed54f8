//! What a child process does: it creates one strategy, lets it select once, and says what that cost.

use std::sync::{Arc, PoisonError};

use abi_stable::std_types::{RSlice, RStr};
use alhost_engine::lending::{Askable, Panels, Services};
use alhost_plugin_api::asking::{self, Asked, STRATEGIES, STRATEGY};
use alhost_plugin_api::features::{FEATURES, LOGITS, PROBABILITIES};
use alhost_plugin_api::ffi::Host as _;
use alhost_plugin_host::{LoadedStrategy, PluginFile, Setting};
use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::arrays::Arrays;
use crate::cost::{Cost, Outcome, Timed, forget_peak, peak};
use crate::model::{Given, Prepared};
use crate::options::{Options, Size};
use crate::shelf::{Shelf, Variant};
use crate::task::{self, Task};

/// Runs the strategy that `variant` describes, and prints what became of it as the last line.
pub(crate) fn run(options: &Options, variant: &str) -> Result<()> {
    let variant: Variant = serde_json::from_str(variant)?;
    let outcome = match cost(options, &variant) {
        Ok(cost) => Outcome::Cost(cost),
        Err(error) => Outcome::Failed(format!("{error:#}")),
    };
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

fn cost(options: &Options, variant: &Variant) -> Result<Cost> {
    let shelf = Shelf::beside(&std::env::current_exe()?)?;
    let asked = Asked { plugin: variant.plugin.clone(), params: variant.params.clone() };
    let mut strategy = create(&shelf, options.size, &asked)?;
    let needs = all_needs(&strategy);
    let arrays = Arrays::read(&options.folder, options.size)?;
    let tokenizer = task::tokenizer()?;
    let task = Task::new(options.size, &arrays.labels, variant.candidates, &needs, &tokenizer)?;
    let mut model = Prepared::new(arrays.logits, arrays.features, tokenizer);
    let panels = Panels::new(options.size.texts);
    prepare(&task, options.size, &needs, &mut model, &panels)?;
    select(&task, options, &mut strategy, &mut model, &panels)
}

/// Creates a strategy, and those that it asks.
fn create(shelf: &Shelf, size: Size, asked: &Asked) -> Result<LoadedStrategy> {
    let id = &asked.plugin;
    let library = shelf.library(id).with_context(|| format!("`{id}` has not been built"))?;
    let library = Arc::new(PluginFile::read(&library)?.load_here()?);
    let (n_texts, n_labels) = (size.texts, size.labels);
    let setting = Setting { instance: id, given: &asked.params, n_texts, n_labels };
    let mut strategy = LoadedStrategy::create(&library, setting)?;
    if strategy.manifest.needs.iter().any(|need| need == STRATEGY) {
        let list = strategy.params.get(STRATEGIES).and_then(Value::as_str).unwrap_or_default();
        let list = asking::strategies(list)?;
        strategy.asked =
            list.iter().map(|asked| create(shelf, size, asked)).collect::<Result<_>>()?;
    }
    Ok(strategy)
}

/// What the strategy, and those that it asks, may want of the host.
fn all_needs(strategy: &LoadedStrategy) -> Vec<String> {
    let asked = strategy.asked.iter().flat_map(all_needs);
    strategy.manifest.needs.iter().cloned().chain(asked).collect()
}

/// Lets the model say what the strategy will want to know, so that this neither takes time nor memory
/// afterwards. Probabilities of several passes are not kept by a run either.
fn prepare(
    task: &Task,
    size: Size,
    needs: &[String],
    model: &mut Prepared,
    panels: &Panels,
) -> Result<()> {
    let view = task.view(size, "");
    let (pool, labeled) = (view.pool.clone(), view.labeled.clone());
    let services = Services::new(task.around("", needs), view, model, panels);
    for feature in [FEATURES, LOGITS, PROBABILITIES] {
        if needs.iter().any(|need| need == feature) {
            for ids in [&pool, &labeled] {
                let ids = RSlice::from_slice(ids);
                let fetched = services.fetch(RStr::from(feature), RStr::from(""), ids);
                fetched.into_result().map_err(alhost_plugin_api::Error::from)?;
            }
        }
    }
    Ok(())
}

/// The one selection that is measured. What the model gives meanwhile is subtracted.
fn select(
    task: &Task,
    options: &Options,
    strategy: &mut LoadedStrategy,
    model: &mut Prepared,
    panels: &Panels,
) -> Result<Cost> {
    let instance = strategy.instance.clone();
    let needs = strategy.manifest.needs.clone();
    let view = task.view(options.size, &instance);
    let given = Arc::clone(&model.given);
    *given.lock().unwrap_or_else(PoisonError::into_inner) = Given::default();
    let mut asked = std::mem::take(&mut strategy.asked);
    let askable = Askable::new(&mut asked, task::seed, task.offer());
    let services = Services::new(task.around(&instance, &needs), view, model, panels);
    let services = services.asking(askable);

    let before = forget_peak();
    let timed = Timed::now();
    let claim = strategy.select_lending(&services, &services, options.n);
    let (seconds, processor) = timed.elapsed();
    let above = peak().saturating_sub(before);

    task.offer().select(&claim?, options.n)?;
    let given = *given.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Cost {
        seconds: seconds - given.seconds,
        processor: processor - given.processor,
        services: (services.spent().as_secs_f64() - given.seconds).max(0.0),
        mib: (above as f64 / 1024.0 - given.bytes as f64 / f64::from(1 << 20)).max(0.0),
    })
}
