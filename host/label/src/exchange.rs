//! The batch rhythm: texts go out to an annotation tool, and its file comes back in.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use alhost_engine::oracle::annotations::{Line, Status};
use alhost_exchange::{Answer, Format, Imported, LabelSet, Task};
use anyhow::ensure;

use crate::answering::{Given, now, same_before};
use crate::refusal::Refusal;
use crate::shared::{Shared, State};

/// How a file is taken in.
#[derive(Clone, Debug)]
pub struct Import {
    /// The tool's format; told by the content where absent.
    pub format: Option<Format>,
    /// Who answered, where the file does not say.
    pub by: String,
    /// Whether labels that the project does not have are added.
    pub add_labels: bool,
}

/// What an import did.
#[derive(Clone, Debug, Default)]
pub struct Took {
    pub format: &'static str,
    /// Answers taken, of which so many skip their text, and answers that were there already.
    pub taken: usize,
    pub skipped: usize,
    pub unchanged: usize,
    /// Texts that nobody has answered, and answers begun and not handed in.
    pub unanswered: usize,
    pub drafts: usize,
    pub new_labels: Vec<String>,
    /// What was not taken: its place, and why.
    pub refused: Vec<(String, String)>,
    pub notes: Vec<String>,
}

impl Shared {
    /// Whether a text of the batch wants labels.
    pub fn batch_is_open(&self) -> bool {
        let state = self.state();
        let mut batch = state.board.batch().iter();
        batch.any(|wanted| !state.answers.has(&self.texts.ids[wanted.row]))
    }

    /// The next `n` texts that want labels: of the batch, then of the audit.
    pub fn tasks(&self, n: usize) -> Vec<Task> {
        let state = self.state();
        let threshold = state.rounds.last().map_or(Some(0.5), |round| round.thresholds.used);
        let batch = state.board.batch().iter().map(|wanted| wanted.row);
        let rows = batch.chain(state.board.upcoming().iter().copied());
        let open = rows.filter(|&row| !state.answers.has(&self.texts.ids[row]));
        let task = |row: usize| {
            let suggested = state.suggestions.get(&row).map_or(&[][..], Vec::as_slice);
            let likely = suggested.iter().filter(|suggestion| {
                threshold.is_some_and(|least| f64::from(suggestion.probability) > least)
            });
            Task {
                id: self.texts.ids[row].clone(),
                text: self.texts.texts.get(row).to_owned(),
                round: state.rounds.len(),
                suggestions: likely.cloned().collect(),
            }
        };
        open.take(n).map(task).collect()
    }

    pub fn label_set(&self) -> LabelSet {
        let separator = self.project.config.label.separator.clone();
        let separator = (!separator.is_empty()).then_some(separator);
        LabelSet { names: self.state().labels.names().to_vec(), separator }
    }

    /// Takes in what a tool exported. The same file again changes nothing.
    ///
    /// # Errors
    /// If the file cannot be read, or is of another project. What cannot be taken of it is in the answer.
    pub fn import(&self, path: &Path, import: &Import) -> anyhow::Result<Took> {
        let read = alhost_exchange::import(path, import.format, &self.label_set())?;
        let name = &self.project.config.name;
        if let Some(other) = read.project.as_ref().filter(|other| *other != name) {
            anyhow::bail!(
                "{}: is of the project `{other}`, and this is `{name}`\nhint: import it there",
                path.display()
            );
        }
        let from = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let took = self.change(|state| self.take_in(state, read, import, &from))?;
        ensure!(
            took.taken + took.unchanged + took.unanswered + took.drafts + took.refused.len() > 0,
            "{}: holds nothing\nhint: export the project's annotations again",
            path.display()
        );
        Ok(took)
    }

    fn take_in(
        &self,
        state: &mut State,
        read: Imported,
        import: &Import,
        from: &str,
    ) -> Result<Took, Refusal> {
        let mut took = Took {
            format: read.format.name(),
            unanswered: read.unanswered,
            drafts: read.drafts,
            refused: read.rejected,
            notes: read.notes,
            ..Took::default()
        };
        // The last answer of a person to a text counts, also within a file.
        let (mut lines, mut places) = (Vec::new(), HashMap::<(String, String), usize>::new());
        let mut new = BTreeSet::new();
        let by_text = self.rows_by_text();
        for answer in read.answers {
            let place = answer.place.clone();
            match self.understood(state, answer, (import, from), &by_text) {
                Ok((line, labels)) => {
                    new.extend(labels);
                    let key = (line.id.clone(), line.by.clone());
                    match places.get(&key) {
                        Some(&at) => lines[at] = line,
                        None => {
                            places.insert(key, lines.len());
                            lines.push(line);
                        }
                    }
                }
                Err(refusal) => took.refused.push((place, refusal.error)),
            }
        }
        let n = lines.len();
        lines.retain(|line| same_before(state, line).is_none());
        took.unchanged = n - lines.len();
        took.taken = lines.len();
        took.skipped = lines.iter().filter(|line| line.status == Status::Skipped).count();
        took.new_labels = new.into_iter().collect();
        self.add_labels(state, &took.new_labels)?;
        state.answers.append(lines).map_err(|error| Refusal::failed(&error))?;
        Ok(took)
    }

    /// The line for an answer, and the labels that are new in it.
    fn understood(
        &self,
        state: &State,
        answer: Answer,
        (import, from): (&Import, &str),
        by_text: &HashMap<String, Option<usize>>,
    ) -> Result<(Line, Vec<String>), Refusal> {
        let id = self.id_of(&answer, by_text)?;
        let status = if answer.skipped { Status::Skipped } else { Status::Labeled };
        let new_labels = if import.add_labels { answer.labels.clone() } else { Vec::new() };
        let given = Given {
            who: answer.by.unwrap_or_else(|| import.by.clone()),
            id,
            labels: answer.labels,
            status,
            seconds: answer.seconds,
            note: None,
            new_labels,
        };
        let (mut line, new) = self.checked(state, given, from)?;
        line.at = answer.at.unwrap_or_else(now);
        Ok((line, new))
    }

    /// The text that an answer is about: by its id, and then its text must be ours; else by its text.
    fn id_of(
        &self,
        answer: &Answer,
        by_text: &HashMap<String, Option<usize>>,
    ) -> Result<String, Refusal> {
        if let Some(id) = &answer.id {
            let &row = self.rows.get(id).ok_or_else(|| Refusal::unknown_text(id))?;
            let is_ours = |text: &String| words(text) == words(self.texts.texts.get(row));
            if !answer.text.as_ref().is_none_or(is_ours) {
                let error = format!("the text `{id}` is another one than it was");
                return Err(Refusal::conflict(error, "texts of a project do not change"));
            }
            return Ok(id.clone());
        }
        let text = answer.text.as_deref().unwrap_or_default();
        match by_text.get(&words(text)) {
            Some(Some(row)) => Ok(self.texts.ids[*row].clone()),
            Some(None) => Err(Refusal::conflict(
                "it has no id, and several texts of the project are the same as it",
                "export it with its id",
            )),
            None => Err(Refusal::conflict(
                "it has no id, and no text of the project is the same as it",
                "is it of another project?",
            )),
        }
    }

    /// Rows by the words of their texts; `None` where several have the same.
    fn rows_by_text(&self) -> HashMap<String, Option<usize>> {
        let mut rows = HashMap::new();
        for (row, text) in self.texts.texts.iter().enumerate() {
            rows.entry(words(text)).and_modify(|one| *one = None).or_insert(Some(row));
        }
        rows
    }
}

/// A text without what tools change of its white space.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
