//! What the page is shown of texts, labels and answers.

use std::ops::Range;
use std::time::Instant;

use alhost_engine::oracle::annotations::{Line, Status};
use alhost_exchange::Suggestion;
use serde::Serialize;

use crate::answering::person;
use crate::board::{Next, Wanted};
use crate::refusal::Refusal;
use crate::search::Child;
use crate::shared::{Phase, Shared, State};

/// Letters of a text in the list of answers, at most.
const MOST_OF_A_SNIPPET: usize = 200;

#[derive(Clone, Debug, Serialize)]
pub struct About {
    pub name: String,
    pub guidelines: String,
    pub n_texts: usize,
    pub n_labels: usize,
    pub separator: Option<String>,
    pub can_add_labels: bool,
    pub batch: usize,
    pub people: Vec<String>,
    pub version: &'static str,
}

/// A text to be labeled.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    pub id: String,
    pub text: String,
    /// Trainings so far.
    pub round: usize,
    pub is_audit: bool,
    pub suggestions: Vec<Suggestion>,
    /// The person's own answer, where there is one.
    pub answer: Option<Answered>,
    /// Texts of the batch that nobody has answered, its size, and the place of this one in it from 1; 0 for a text
    /// of no batch.
    pub left: usize,
    pub of: usize,
    pub position: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct Answered {
    pub labels: Vec<String>,
    pub status: Status,
    pub note: Option<String>,
}

/// Either a text or why there is none.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NextText {
    Text(Box<Item>),
    Waiting(Waiting),
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Waiting {
    /// `training`, `others`, `finished` or `failed`.
    pub why: &'static str,
    pub message: String,
    pub hint: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Past {
    pub id: String,
    pub snippet: String,
    pub labels: Vec<String>,
    pub status: Status,
    /// Milliseconds since 1970, as scripts count.
    pub at: u64,
    pub note: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct FoundLabel {
    pub name: String,
    /// Parts of the name that were meant, in UTF-16 code units.
    pub matched: Vec<[usize; 2]>,
    /// Answers that name it.
    pub used: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct Below {
    pub path: String,
    pub name: String,
    pub is_label: bool,
    /// Labels below it.
    pub below: usize,
}

impl Shared {
    pub fn about(&self) -> anyhow::Result<About> {
        let guidelines = self.project.guidelines()?;
        let (state, config) = (self.state(), &self.project.config);
        let separator = &config.label.separator;
        Ok(About {
            name: config.name.clone(),
            guidelines,
            n_texts: self.texts.ids.len(),
            n_labels: state.labels.len(),
            separator: (!separator.is_empty()).then(|| separator.clone()),
            can_add_labels: config.label.new_labels,
            batch: config.r#loop.query_size,
            people: state.answers.people(),
            version: env!("CARGO_PKG_VERSION"),
        })
    }

    /// The next text for a person, which nobody else gets meanwhile.
    pub fn next(&self, who: &str) -> Result<NextText, Refusal> {
        let who = person(who)?;
        let mut state = self.state();
        let State { board, answers, .. } = &mut *state;
        let now = Instant::now();
        let answered = |row: usize| {
            let of_text = answers.of_text(&self.texts.ids[row]);
            (of_text.len(), of_text.iter().any(|line| line.by == who))
        };
        Ok(match board.next(&who, now, &answered) {
            Next::Text(wanted) => NextText::Text(Box::new(self.item(&state, wanted, &who))),
            Next::Nothing => NextText::Waiting(waiting(&state, now)),
        })
    }

    /// Lets go of the texts that a person has before them.
    pub fn leave(&self, who: &str) -> Result<(), Refusal> {
        let who = person(who)?;
        self.change(|state| state.board.release(&who));
        Ok(())
    }

    /// A text that a person has answered, or that is handed out.
    pub fn text(&self, who: &str, id: &str) -> Result<Item, Refusal> {
        let who = person(who)?;
        let state = self.state();
        let &row = self.rows.get(id).ok_or_else(|| Refusal::unknown_text(id))?;
        let in_batch = state.board.batch().iter().find(|wanted| wanted.row == row).copied();
        if state.answers.of_person(id, &who).is_none() && !state.board.is_up(row) {
            return Err(Refusal::conflict(
                "nobody was asked about this text yet",
                "label the texts that come; they are chosen to teach the classifier most",
            ));
        }
        let wanted = in_batch.unwrap_or(Wanted { row, is_audit: false });
        Ok(self.item(&state, wanted, &who))
    }

    fn item(&self, state: &State, wanted: Wanted, who: &str) -> Item {
        let Wanted { row, is_audit } = wanted;
        let id = &self.texts.ids[row];
        let batch = state.board.batch();
        let is_open = |wanted: &&Wanted| !state.answers.has(&self.texts.ids[wanted.row]);
        let answer = state.answers.of_person(id, who).map(|line| Answered {
            labels: line.labels.clone(),
            status: line.status,
            note: line.note.clone(),
        });
        Item {
            id: id.clone(),
            text: self.texts.texts.get(row).to_owned(),
            round: state.rounds.len(),
            is_audit,
            suggestions: state.suggestions.get(&row).cloned().unwrap_or_default(),
            answer,
            left: batch.iter().filter(is_open).count(),
            of: batch.len(),
            position: batch
                .iter()
                .position(|wanted| wanted.row == row)
                .map_or(0, |place| place + 1),
        }
    }

    /// A person's answers, newest first: those whose text, labels or note have `query` in them.
    pub fn history(&self, who: &str, query: &str, n: usize) -> Result<Vec<Past>, Refusal> {
        let (who, query) = (person(who)?, query.to_lowercase());
        let state = self.state();
        let text = |line: &Line| self.texts.texts.get(self.rows[&line.id]);
        let has = |part: &str| part.to_lowercase().contains(&query);
        let matches = |line: &&Line| {
            query.is_empty()
                || has(text(line))
                || line.labels.iter().any(|label| has(label))
                || line.note.as_deref().is_some_and(has)
                || line.id == query
        };
        let past = |line: &Line| Past {
            id: line.id.clone(),
            snippet: snippet(text(line)),
            labels: line.labels.clone(),
            status: line.status,
            at: line.at * 1000,
            note: line.note.clone(),
        };
        Ok(state.answers.history(&who).filter(matches).take(n).map(past).collect())
    }

    /// Labels by what somebody has typed of them, and how many there are in all. Of equally good ones those come first that were given more often.
    pub fn find_labels(&self, query: &str, n: usize) -> (Vec<FoundLabel>, usize) {
        let state = self.state();
        let names = state.labels.names();
        let used = |label: u32| state.answers.used(&names[label as usize]) as f64;
        let found = state.labels.search(query, n, &used).into_iter().map(|hit| {
            let name = names[hit.label as usize].clone();
            let matched = hit.matched.iter().map(|range| in_utf16(&name, range)).collect();
            FoundLabel { matched, used: state.answers.used(&name), name }
        });
        (found.collect(), names.len())
    }

    /// The parts of the hierarchy right below a path; the roots for an empty one.
    pub fn children(&self, path: &str) -> Vec<Below> {
        let child = |Child { path, name, label, n_labels_below }| Below {
            path,
            name,
            is_label: label.is_some(),
            below: n_labels_below,
        };
        self.state().labels.children(path).into_iter().map(child).collect()
    }
}

/// The beginning of a text, in one line.
fn snippet(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(MOST_OF_A_SNIPPET) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// Why there is no text for somebody.
fn waiting(state: &State, now: Instant) -> Waiting {
    let (why, message, hint) = match &state.phase {
        Phase::Opening => ("training", "Data and model are being read.".to_owned(), None),
        Phase::FirstLabels | Phase::Training => {
            let strategy = &state.strategy.0;
            let message =
                format!("A classifier is being trained; then {strategy} chooses the next texts.");
            ("training", message, None)
        }
        Phase::Asking => match &state.board.holders(now)[..] {
            [] => ("training", "The batch is labeled; the next training begins.".to_owned(), None),
            holders => {
                let message =
                    format!("The last texts of this batch are with {}.", holders.join(", "));
                ("others", message, Some("what they leave for a quarter of an hour comes back"))
            }
        },
        Phase::Finished(why) => {
            let hint = "`alhost train --labels-of` makes the classifier to ship";
            ("finished", format!("No more texts are chosen: {why}."), Some(hint))
        }
        Phase::Failed(why) => {
            let hint = "every answer is saved; start the server again when it is mended";
            ("failed", format!("It cannot go on: {why}"), Some(hint))
        }
    };
    Waiting { why, message, hint: hint.map(str::to_owned) }
}

/// A range of bytes as the script counts it.
fn in_utf16(name: &str, range: &Range<usize>) -> [usize; 2] {
    let length = |part: &str| part.encode_utf16().count();
    let from = length(&name[..range.start]);
    [from, from + length(&name[range.clone()])]
}
