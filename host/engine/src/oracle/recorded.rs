//! The oracle that answers with what stands in `annotations.jsonl`, and waits for the rest.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use alhost_base::Unreadable;
use alhost_data::Dataset;
use alhost_plugin_api::DocId;
use anyhow::Result;

use super::annotations::{self, Line, Status};
use super::{Annotation, Answer, Oracle, votes};
use crate::pool::ValidSelection;

/// Reads the file again each time it is asked, so that whoever annotates only appends to it.
pub struct Recorded {
    path: PathBuf,
    /// Texts of the pool, by their own ids.
    texts: HashMap<String, DocId>,
    /// Labels, by their names.
    labels: HashMap<String, u32>,
    /// The answers given so far.
    given: BTreeMap<DocId, Annotation>,
}

impl Recorded {
    pub fn new(path: &Path, dataset: &Dataset) -> Self {
        let ids = dataset.train.ids.iter().cloned().zip((0..).map(DocId));
        let labels = dataset.vocabulary.iter().cloned().zip(0..);
        Self {
            path: path.to_owned(),
            texts: ids.collect(),
            labels: labels.collect(),
            given: BTreeMap::new(),
        }
    }

    /// What all people together say of each text.
    pub(crate) fn all(&self) -> Result<BTreeMap<DocId, Annotation>> {
        let read = annotations::read(&self.path)?;
        if let Some(number) = read.torn {
            tracing::warn!(
                "{}: line {number} was cut off, and does not count",
                self.path.display()
            );
        }
        let mut votes = BTreeMap::<DocId, BTreeMap<&str, (usize, Annotation)>>::new();
        for (number, line) in &read.lines {
            let (id, annotation) = self.understood(line).map_err(|problem| {
                let problem = format!("line {number}: {problem}");
                Unreadable::new(&self.path, problem, "mend or remove the line")
            })?;
            votes.entry(id).or_default().insert(&line.by, (*number, annotation));
        }
        let counted = votes.into_iter().map(|(id, votes)| {
            let mut votes: Vec<(usize, Annotation)> = votes.into_values().collect();
            votes.sort_by_key(|(number, _)| *number);
            let votes: Vec<Annotation> = votes.into_iter().map(|(_, vote)| vote).collect();
            (id, votes::count(&votes))
        });
        Ok(counted.collect())
    }

    fn understood(&self, line: &Line) -> Result<(DocId, Annotation), String> {
        let Some(&id) = self.texts.get(&line.id) else {
            return Err(format!("there is no text `{}`", line.id.escape_debug()));
        };
        if line.status == Status::Skipped {
            return Ok((id, Annotation::Skipped));
        }
        let label = |name: &String| {
            let known = self.labels.get(name).copied();
            known.ok_or_else(|| format!("there is no label `{}`", name.escape_debug()))
        };
        let mut labels = line.labels.iter().map(label).collect::<Result<Vec<u32>, String>>()?;
        labels.sort_unstable();
        labels.dedup();
        Ok((id, Annotation::Labels(labels)))
    }
}

impl Oracle for Recorded {
    fn answer(&mut self, selection: &ValidSelection) -> Result<Answer> {
        let all = self.all()?;
        let missing = selection.ids().iter().filter(|id| !all.contains_key(id)).count();
        if missing > 0 {
            return Ok(Answer::Waiting { missing });
        }
        let answer: Vec<(DocId, Annotation)> =
            selection.ids().iter().map(|id| (*id, all[id].clone())).collect();
        self.given.extend(answer.iter().cloned());
        Ok(Answer::Given(answer))
    }

    fn corrections(&mut self) -> Result<Vec<(DocId, Annotation)>> {
        let all = self.all()?;
        let mut corrected = Vec::new();
        for (id, given) in &mut self.given {
            if let Some(now) = all.get(id).filter(|now| *now != given) {
                given.clone_from(now);
                corrected.push((*id, now.clone()));
            }
        }
        Ok(corrected)
    }
}
