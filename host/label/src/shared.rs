//! The state of a project that people label, shared by the page's server and the thread that trains and chooses texts.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use alhost_data::UnlabeledTexts;
use alhost_exchange::Suggestion;
use alhost_record::RoundRecord;

use crate::answers::Answers;
use crate::board::Board;
use crate::project::Project;
use crate::search::LabelIndex;

/// What the project is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Data and model are being read.
    Opening,
    /// There is no label yet, and so nothing to train.
    FirstLabels,
    /// A batch waits for its labels.
    Asking,
    /// A classifier is trained, and the next batch chosen.
    Training,
    /// No more texts are chosen, and why.
    Finished(String),
    /// It cannot go on, and why. Answers are still taken.
    Failed(String),
}

/// A project at work.
pub struct Shared {
    pub project: Project,
    pub texts: UnlabeledTexts,
    /// Rows of texts, by their ids.
    pub rows: HashMap<String, usize>,
    state: Mutex<State>,
    changed: Condvar,
}

/// What changes while people label.
pub struct State {
    pub labels: LabelIndex,
    /// Labels by name; they count from 0 in the order of the list.
    pub label_ids: HashMap<String, u32>,
    pub answers: Answers,
    pub board: Board,
    pub phase: Phase,
    /// The rounds that are recorded.
    pub rounds: Vec<RoundRecord>,
    /// By row, for texts of the batch.
    pub suggestions: HashMap<usize, Vec<Suggestion>>,
    /// The strategy, and what it does in a phrase.
    pub strategy: (String, String),
}

impl Shared {
    /// Reads texts, labels and answers of a project.
    pub fn open(project: Project) -> anyhow::Result<Self> {
        let texts = project.texts()?;
        let rows: HashMap<String, usize> = texts.ids.iter().cloned().zip(0..).collect();
        let names = project.labels()?;
        let separator = &project.config.label.separator;
        let mut labels = LabelIndex::new((!separator.is_empty()).then_some(separator));
        for name in &names {
            labels.push(name);
        }
        let label_ids: HashMap<String, u32> = names.into_iter().zip(0..).collect();
        let answers = Answers::open(
            &project.annotations(),
            project.is_ours(),
            &|id| rows.contains_key(id),
            &|label| label_ids.contains_key(label),
        )?;
        let state = State {
            labels,
            label_ids,
            answers,
            board: Board::default(),
            phase: Phase::Opening,
            rounds: Vec::new(),
            suggestions: HashMap::new(),
            strategy: (project.config.strategies()?[0].plugin.clone(), String::new()),
        };
        Ok(Self { project, texts, rows, state: Mutex::new(state), changed: Condvar::new() })
    }

    /// The state, for a moment. A thread that panicked with it left it whole: each change is one assignment or is on disk.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and tells whoever waits for that.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.state());
        self.changed.notify_all();
        done
    }

    /// Waits until `is_so`, and gives back its answer.
    pub fn wait<T>(&self, mut is_so: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut state = self.state();
        loop {
            if let Some(answer) = is_so(&mut state) {
                return answer;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether a second person is to label a text too; the same for the text's whole life.
    pub fn wants_second(&self, row: usize) -> bool {
        let hash = blake3::hash(self.texts.ids[row].as_bytes());
        let bytes: [u8; 4] = hash.as_bytes()[..4].try_into().expect("a hash has 32 bytes");
        f64::from(u32::from_le_bytes(bytes)) < self.project.config.label.overlap * 2_f64.powi(32)
    }
}
