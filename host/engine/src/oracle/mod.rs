//! Oracles label what was selected. An oracle is the only way in which labels of training texts enter the
//! loop.

pub mod annotations;
mod noisy;
mod recorded;
mod simulated;
pub mod votes;

use std::path::Path;

use alhost_base::seed::RunSeed;
use alhost_config::OracleKind;
use alhost_metrics::LabelFrequencies;
use alhost_plugin_api::DocId;
use anyhow::Result;

pub use noisy::Noisy;
pub use recorded::Recorded;
pub use simulated::Simulated;

use crate::Task;
pub use crate::pool::Annotation;
use crate::pool::ValidSelection;

/// An oracle's answer to a selection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// So many of the texts have no annotation yet; the session asks again.
    Waiting { missing: usize },
    /// One annotation for each text of the selection, in any order.
    Given(Vec<(DocId, Annotation)>),
}

/// Answers with annotations, and only for a selection that the pool has checked.
pub trait Oracle {
    /// Answers for every text of `selection`, or says that it is still waiting. It is asked again for the
    /// same selection until it has answered, and after a stop for all selections from the first on.
    fn answer(&mut self, selection: &ValidSelection) -> Result<Answer>;

    /// Texts that it says something else of now than it answered before; asked before each training.
    fn corrections(&mut self) -> Result<Vec<(DocId, Annotation)>> {
        Ok(Vec::new())
    }
}

/// Makes the oracle that the config names.
pub fn of(task: &Task, seed: RunSeed) -> Box<dyn Oracle> {
    let oracle = &task.config.oracle;
    match oracle.kind {
        OracleKind::Simulated => Box::new(Simulated::new(&task.dataset)),
        OracleKind::Noisy => {
            let frequencies = LabelFrequencies::of(&task.dataset.train.labels);
            let evaluation = &task.config.evaluation;
            let inverse =
                frequencies.inverse_propensities(evaluation.propensity_a, evaluation.propensity_b);
            let noise = (oracle.missed, oracle.wrong);
            Box::new(Noisy::new(&task.dataset, &inverse, noise, seed))
        }
        OracleKind::Human => {
            let folder = task.config.data.path.as_deref().unwrap_or_default();
            Box::new(Recorded::new(&Path::new(folder).join(annotations::FILE), &task.dataset))
        }
    }
}
