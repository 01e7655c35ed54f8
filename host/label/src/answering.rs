//! Takes answers: checked, on disk, and only then confirmed.

use std::time::{SystemTime, UNIX_EPOCH};

use alhost_data::tidy_label;
use alhost_engine::oracle::annotations::{Line, Status};
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::shared::{Shared, State};

/// The longest name of a label or a person, and the longest note, in bytes.
const MOST_OF_A_LABEL: usize = 1000;
const MOST_OF_A_PERSON: usize = 100;
const MOST_OF_A_NOTE: usize = 20_000;

/// The longest time that somebody looks at one text; more is a break, and says nothing.
const MOST_SECONDS: f64 = 3600.0;

/// An answer as it comes in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    pub who: String,
    pub id: String,
    pub labels: Vec<String>,
    pub status: Status,
    #[serde(default)]
    pub seconds: Option<f64>,
    #[serde(default)]
    pub note: Option<String>,
    /// Names among `labels` that are to be added to the list.
    #[serde(default)]
    pub new_labels: Vec<String>,
}

/// Seconds since 1970, UTC.
#[expect(clippy::disallowed_methods, reason = "an annotation says when it was given")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A person's name without white space around it, if it can be one.
pub fn person(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if name.is_empty() || name.len() > MOST_OF_A_PERSON || name.chars().any(char::is_control) {
        let hint = "a name of at most 100 letters, without line breaks";
        return Err(Refusal::wrong("that cannot be a name", hint));
    }
    Ok(name.to_owned())
}

/// A label's name as it stands in the list, if it can be one.
pub fn label(name: &str) -> Result<String, Refusal> {
    let tidy = tidy_label(name);
    if tidy.is_empty() || tidy.len() > MOST_OF_A_LABEL || tidy.chars().any(char::is_control) {
        let hint = "a label has at most 1,000 bytes and no line breaks, and is not blank";
        let error = format!("{:?} cannot be a label", alhost_base::text::shortened(name, 60));
        return Err(Refusal::wrong(error, hint));
    }
    Ok(tidy)
}

impl Shared {
    /// Keeps an answer, which is on disk when this returns, and gives back when it was given. The same answer again changes nothing.
    pub fn answer(&self, given: Given, from: &str) -> Result<u64, Refusal> {
        self.change(|state| {
            let (line, new) = self.checked(state, given, from)?;
            let row = self.rows[&line.id];
            if let Some(before) = same_before(state, &line) {
                state.board.done(row, &line.by);
                return Ok(before);
            }
            self.add_labels(state, &new)?;
            let (at, by) = (line.at, line.by.clone());
            state.answers.append(vec![line]).map_err(|error| Refusal::failed(&error))?;
            state.board.done(row, &by);
            Ok(at)
        })
    }

    /// The line for an answer, and the labels that are new in it.
    pub(crate) fn checked(
        &self,
        state: &State,
        given: Given,
        from: &str,
    ) -> Result<(Line, Vec<String>), Refusal> {
        let by = person(&given.who)?;
        let Some(&row) = self.rows.get(&given.id) else {
            return Err(Refusal::unknown_text(&given.id));
        };
        if !state.board.is_up(row) && !state.answers.has(&given.id) {
            let hint = "load the page again: the next text is another one";
            return Err(Refusal::conflict("nobody was asked about this text yet", hint));
        }
        let (labels, new) = self.checked_labels(state, &given)?;
        if given.status == Status::Skipped && !labels.is_empty() {
            return Err(Refusal::wrong("a skipped text has no labels", "take them away first"));
        }
        let note = given.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
        if note.as_ref().is_some_and(|note| note.len() > MOST_OF_A_NOTE) {
            return Err(Refusal::wrong("the note is too long", "at most 20,000 bytes"));
        }
        let seconds = given.seconds.filter(|seconds| (0.0..=MOST_SECONDS).contains(seconds));
        let line = Line {
            id: given.id,
            labels,
            status: given.status,
            by,
            at: now(),
            seconds: seconds.map(|seconds| (seconds * 10.0).round() / 10.0),
            from: Some(from.to_owned()),
            note,
        };
        Ok((line, new))
    }

    fn checked_labels(
        &self,
        state: &State,
        given: &Given,
    ) -> Result<(Vec<String>, Vec<String>), Refusal> {
        let (mut labels, mut new) = (Vec::<String>::new(), Vec::new());
        let added = given.new_labels.iter().map(|name| label(name));
        let added = added.collect::<Result<Vec<String>, Refusal>>()?;
        for name in &given.labels {
            let name = label(name)?;
            if labels.contains(&name) {
                continue;
            }
            if !state.label_ids.contains_key(&name) {
                if !added.contains(&name) {
                    return Err(Refusal::unknown_label(&name));
                }
                if !self.project.config.label.new_labels {
                    let hint = "`label.new_labels` in project.toml allows it";
                    return Err(Refusal::conflict("this project takes no new labels", hint));
                }
                new.push(name.clone());
            }
            labels.push(name);
        }
        Ok((labels, new))
    }

    /// Adds labels to the list. It is on disk before an answer names them.
    pub(crate) fn add_labels(&self, state: &mut State, new: &[String]) -> Result<(), Refusal> {
        if new.is_empty() {
            return Ok(());
        }
        let all = [state.labels.names(), new].concat();
        self.project.write_labels(&all).map_err(|error| Refusal::failed(&error))?;
        for name in new {
            let id = state.labels.push(name);
            state.label_ids.insert(name.clone(), id);
        }
        Ok(())
    }
}

/// When this person gave this very answer, if it is their last one.
pub(crate) fn same_before(state: &State, line: &Line) -> Option<u64> {
    let before = state.answers.of_person(&line.id, &line.by)?;
    let sorted = |labels: &[String]| {
        let mut labels = labels.to_vec();
        labels.sort_unstable();
        labels
    };
    let same = before.status == line.status
        && before.note == line.note
        && sorted(&before.labels) == sorted(&line.labels);
    same.then_some(before.at)
}
