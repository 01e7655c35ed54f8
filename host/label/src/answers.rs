//! What people answered: in memory to be looked up, and on disk before anybody is told that it is saved.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use alhost_base::Unreadable;
use alhost_engine::oracle::Annotation;
use alhost_engine::oracle::annotations::{self, Line, Log, Status};
use alhost_engine::oracle::votes;
use anyhow::Context as _;

/// All answers of a project.
pub struct Answers {
    /// `None` where they are only looked at.
    log: Option<Log>,
    /// Sorted as they came in.
    lines: Vec<Line>,
    /// The last answer of each person, as a place in `lines`, by text.
    last: HashMap<String, BTreeMap<String, usize>>,
    /// How many of the last answers name a label.
    used: HashMap<String, usize>,
}

impl Answers {
    /// Reads the file; with `is_ours` this process alone appends to it from now on.
    ///
    /// # Errors
    /// If a line is no annotation, or names a text that `has_text` does not know or a label that `has_label` does not.
    pub fn open(
        path: &Path,
        is_ours: bool,
        has_text: &dyn Fn(&str) -> bool,
        has_label: &dyn Fn(&str) -> bool,
    ) -> anyhow::Result<Self> {
        let (log, read) = if is_ours {
            let (log, read) = Log::open(path)?;
            (Some(log), read)
        } else {
            (None, annotations::read(path)?)
        };
        let mut answers =
            Self { log, lines: Vec::new(), last: HashMap::new(), used: HashMap::new() };
        for (number, line) in read.lines {
            let unknown = line.labels.iter().find(|label| !has_label(label));
            let problem = match unknown {
                _ if !has_text(&line.id) => {
                    Some(format!("there is no text `{}`", line.id.escape_debug()))
                }
                Some(label) => Some(format!("there is no label `{}`", label.escape_debug())),
                None => None,
            };
            if let Some(problem) = problem {
                let hint = "the file belongs to another project, or was changed by hand";
                return Err(Unreadable::new(path, format!("line {number}: {problem}"), hint).into());
            }
            answers.take_in(line);
        }
        Ok(answers)
    }

    /// Keeps answers. They are on disk when this returns.
    pub fn append(&mut self, lines: Vec<Line>) -> anyhow::Result<()> {
        let log = self.log.as_mut().context("the project is only looked at")?;
        log.append(&lines)?;
        for line in lines {
            self.take_in(line);
        }
        Ok(())
    }

    fn take_in(&mut self, line: Line) {
        let place = self.lines.len();
        let by_person = self.last.entry(line.id.clone()).or_default();
        if let Some(before) = by_person.insert(line.by.clone(), place) {
            for label in &self.lines[before].labels {
                *self.used.entry(label.clone()).or_default() -= 1;
            }
        }
        for label in &line.labels {
            *self.used.entry(label.clone()).or_default() += 1;
        }
        self.lines.push(line);
    }

    /// The last answers of each person to a text, oldest first.
    pub fn of_text(&self, id: &str) -> Vec<&Line> {
        let places = self.last.get(id).into_iter().flat_map(BTreeMap::values);
        let mut places: Vec<usize> = places.copied().collect();
        places.sort_unstable();
        places.into_iter().map(|place| &self.lines[place]).collect()
    }

    /// The last answer of a person to a text.
    pub fn of_person(&self, id: &str, who: &str) -> Option<&Line> {
        self.last.get(id)?.get(who).map(|&place| &self.lines[place])
    }

    /// Whether anybody has answered.
    pub fn has(&self, id: &str) -> bool {
        self.last.contains_key(id)
    }

    /// The last answers of a person, newest first.
    pub fn history<'a>(&'a self, who: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().enumerate().rev().filter_map(move |(place, line)| {
            let is_last = line.by == who && self.last[&line.id].get(who) == Some(&place);
            is_last.then_some(line)
        })
    }

    /// The last answers of all people.
    pub fn all_last(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().enumerate().filter_map(|(place, line)| {
            (self.last[&line.id].get(&line.by) == Some(&place)).then_some(line)
        })
    }

    /// Everybody who has answered, by name.
    pub fn people(&self) -> Vec<String> {
        let mut people: Vec<String> = self.lines.iter().map(|line| line.by.clone()).collect();
        people.sort_unstable();
        people.dedup();
        people
    }

    /// How many of the last answers name a label.
    pub fn used(&self, label: &str) -> usize {
        self.used.get(label).copied().unwrap_or(0)
    }

    /// Labels that at least one of the last answers names.
    pub fn labels_seen(&self) -> usize {
        self.used.values().filter(|&&times| times > 0).count()
    }

    /// What all who answered say of a text together, with `id` for each label; `None` where nobody has.
    pub fn counted(&self, text: &str, id: &dyn Fn(&str) -> u32) -> Option<Annotation> {
        let vote = |line: &&Line| match line.status {
            Status::Skipped => Annotation::Skipped,
            Status::Labeled => {
                Annotation::Labels(line.labels.iter().map(|name| id(name)).collect())
            }
        };
        let given: Vec<Annotation> = self.of_text(text).iter().map(vote).collect();
        (!given.is_empty()).then(|| votes::count(&given))
    }
}
