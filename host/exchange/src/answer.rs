//! What comes back: answers of people, and an account of what was not taken.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use alhost_base::Unreadable;

use crate::error::quoted;
use crate::format::Format;

/// An answer of one person to one text as it came back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Where it stands in the file: `item 3`, `line 7`.
    pub place: String,
    /// The text's id as it went out. None if the file has lost it; then the text itself is there.
    pub id: Option<String>,
    pub text: Option<String>,
    /// Names of labels, each once. None of them if the text was skipped, or if no label is right.
    pub labels: Vec<String>,
    pub skipped: bool,
    /// The person, as the tool names people: an id, a number or an email address.
    pub by: Option<String>,
    /// Seconds since the beginning of 1970.
    pub at: Option<u64>,
    /// How long it took.
    pub seconds: Option<f64>,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub format: Format,
    pub answers: Vec<Answer>,
    /// Texts that nobody has answered yet, drafts left aside.
    pub unanswered: usize,
    /// Answers that somebody began and did not hand in.
    pub drafts: usize,
    /// What could not be taken: its place, and why.
    pub rejected: Vec<(String, String)>,
    /// The project that the texts went out from, where the file says it.
    pub project: Option<String>,
    /// What the person who imports should know about all of it.
    pub notes: Vec<String>,
}

/// What is gathered while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    answers: Vec<Answer>,
    pub(crate) unanswered: usize,
    pub(crate) drafts: usize,
    rejected: Vec<(String, String)>,
    projects: BTreeSet<String>,
    notes: BTreeSet<&'static str>,
}

impl Taken {
    /// Takes an answer, unless nothing says which text it is about.
    pub(crate) fn push(&mut self, mut answer: Answer) {
        if answer.id.is_none() && answer.text.is_none() {
            self.reject(&answer.place, "it has neither the id of a text nor a text");
            return;
        }
        if answer.skipped {
            answer.labels.clear();
        }
        let mut seen = BTreeSet::new();
        answer.labels.retain(|label| seen.insert(label.clone()));
        if let Some(nameless) = answer.labels.iter().position(String::is_empty) {
            self.reject(&answer.place, format!("its label {} has no name", nameless + 1));
            return;
        }
        self.answers.push(answer);
    }

    pub(crate) fn reject(&mut self, place: &str, why: impl Into<String>) {
        self.rejected.push((place.to_owned(), why.into()));
    }

    pub(crate) fn project(&mut self, project: Option<&str>) {
        self.projects.extend(project.map(str::to_owned));
    }

    /// Says something once, however often it is said.
    pub(crate) fn note(&mut self, note: &'static str) {
        self.notes.insert(note);
    }

    /// Ends the reading. A file of several projects is refused, since their texts may share ids.
    pub(crate) fn imported(self, path: &Path, format: Format) -> Result<Imported, Unreadable> {
        let mut projects = self.projects.into_iter();
        let project = projects.next();
        if let (Some(one), Some(another)) = (&project, projects.next()) {
            let problem =
                format!("holds texts of several projects: {}, {}", quoted(one), quoted(&another));
            let hint = "export the texts of each project to a file of their own";
            return Err(Unreadable::new(path, problem, hint));
        }
        Ok(Imported {
            format,
            answers: in_order(self.answers),
            unanswered: self.unanswered,
            drafts: self.drafts,
            rejected: self.rejected,
            project,
            notes: self.notes.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// Puts the answers to one text together, the oldest first: Label Studio writes some of its files with the
/// newest first, and of two answers of a person the later one counts.
fn in_order(mut answers: Vec<Answer>) -> Vec<Answer> {
    let mut places = HashMap::new();
    let place_of: Vec<usize> = answers
        .iter()
        .enumerate()
        .map(|(place, answer)| {
            let text = answer.text.as_ref().filter(|_| answer.id.is_none());
            *places.entry((answer.id.clone(), text.cloned())).or_insert(place)
        })
        .collect();
    let mut order: Vec<usize> = (0..answers.len()).collect();
    order.sort_by_key(|&answer| (place_of[answer], answers[answer].at));
    order.into_iter().map(|answer| std::mem::take(&mut answers[answer])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_one_text_stand_together_and_the_oldest_comes_first() {
        let answer = |id: &str, at| Answer { id: Some(id.to_owned()), at, ..Answer::default() };
        let given = [("b", Some(3)), ("a", None), ("b", Some(1)), ("a", None), ("b", None)];
        let sorted = in_order(given.map(|(id, at)| answer(id, at)).to_vec());
        let expected = [("b", None), ("b", Some(1)), ("b", Some(3)), ("a", None), ("a", None)];
        assert_eq!(sorted, expected.map(|(id, at)| answer(id, at)));
    }

    #[test]
    fn an_answer_to_nothing_is_rejected_and_labels_count_once() {
        let mut taken = Taken::default();
        let labels = ["b", "a", "b"].map(str::to_owned).to_vec();
        taken.push(Answer {
            place: "line 1".to_owned(),
            labels: labels.clone(),
            ..Answer::default()
        });
        taken.push(Answer { text: Some("t".to_owned()), labels, ..Answer::default() });
        let imported = taken.imported(Path::new("x"), Format::Csv).unwrap();
        assert_eq!(imported.rejected[0].0, "line 1");
        assert_eq!(imported.answers[0].labels, ["b", "a"]);
    }
}
