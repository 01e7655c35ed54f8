//! The oracle of a project at work: it answers with what people have said by now.

use std::collections::BTreeMap;

use alhost_engine::oracle::{Annotation, Answer, Oracle};
use alhost_engine::pool::ValidSelection;
use alhost_plugin_api::DocId;

use crate::shared::{Shared, State};

/// Knows the labels that there were when the model was opened. What names a later one waits until it is opened anew.
pub(crate) struct Live<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) n_labels: usize,
    /// What it has answered.
    pub(crate) given: BTreeMap<DocId, Annotation>,
}

impl<'a> Live<'a> {
    pub(crate) fn new(shared: &'a Shared, n_labels: usize) -> Self {
        Self { shared, n_labels, given: BTreeMap::new() }
    }

    fn said(&self, state: &State, id: DocId) -> Option<Annotation> {
        let said = counted(self.shared, state, id.0 as usize)?;
        let is_known = match &said {
            Annotation::Labels(labels) => labels.iter().all(|&id| (id as usize) < self.n_labels),
            Annotation::Skipped => true,
        };
        is_known.then_some(said)
    }
}

/// What all who answered say of a text together.
pub(crate) fn counted(shared: &Shared, state: &State, row: usize) -> Option<Annotation> {
    state.answers.counted(&shared.texts.ids[row], &|name| state.label_ids[name])
}

impl Oracle for Live<'_> {
    fn answer(&mut self, selection: &ValidSelection) -> anyhow::Result<Answer> {
        let state = self.shared.state();
        let said = selection.ids().iter().map(|&id| Some((id, self.said(&state, id)?)));
        let given: Option<Vec<(DocId, Annotation)>> = said.clone().collect();
        match given {
            Some(given) => {
                drop(state);
                self.given.extend(given.iter().cloned());
                Ok(Answer::Given(given))
            }
            None => Ok(Answer::Waiting { missing: said.filter(Option::is_none).count() }),
        }
    }

    fn corrections(&mut self) -> anyhow::Result<Vec<(DocId, Annotation)>> {
        let state = self.shared.state();
        let changed: Vec<(DocId, Annotation)> = self
            .given
            .iter()
            .filter_map(|(&id, before)| {
                Some((id, self.said(&state, id)?)).filter(|(_, now)| now != before)
            })
            .collect();
        drop(state);
        self.given.extend(changed.iter().cloned());
        Ok(changed)
    }
}
