//! Made-up projects with hostile names, what two people answer in them, and how that is compared.

use alhost_exchange::{Answer, LabelSet, Suggestion, Task};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

/// Names that look like what the formats are made of.
const NAMES: [&str; 26] = [
    "grain",
    "a",
    "b",
    "a#b",
    "c#",
    "#",
    "a,b",
    "\"quoted\"",
    "{\"choices\":[\"a\",\"b\"]}",
    "{\"choices\":[\"a\"]}",
    "[\"a\",\"b\"]",
    "[{\"taxonomy\":[[\"a\"]]}]",
    "{not JSON}",
    "<b>&amp;</b>",
    "US$100",
    "$text",
    "true",
    "null",
    "1",
    "line\nend",
    "tab\tand\rreturn",
    "économie/日本",
    "a/b",
    "economy > trade",
    " outer space ",
    "=1+1",
];

/// What one person says about one text.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// 1 or 2.
    pub(crate) person: u64,
    pub(crate) labels: Vec<String>,
    pub(crate) skipped: bool,
    /// Seconds since 1970.
    pub(crate) at: u64,
}

/// A project and what is answered in it: for each task, by nobody, by one or by two.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) project: String,
    pub(crate) labels: LabelSet,
    pub(crate) tasks: Vec<Task>,
    pub(crate) given: Vec<Vec<Given>>,
}

impl Case {
    /// Each task with what is said about it.
    pub(crate) fn answered(&self) -> impl Iterator<Item = (&Task, &Vec<Given>)> {
        self.tasks.iter().zip(&self.given)
    }

    /// Leaves out labels, in the project and in answers.
    pub(crate) fn without(mut self, is_out: impl Fn(&str) -> bool) -> Self {
        self.labels.names.retain(|name| !is_out(name));
        for task in &mut self.tasks {
            task.suggestions.retain(|suggestion| !is_out(&suggestion.label));
        }
        for given in self.given.iter_mut().flatten() {
            given.labels.retain(|name| !is_out(name));
        }
        self
    }
}

fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]{1,6}",
        "\\PC{1,12}",
        "[\",;#\\[\\]{}<>&$'\\\\\n\r\t =/]{1,12}",
        Just("\u{feff}\u{202e}\u{2028}é👩‍🔬".to_owned()),
    ]
}

fn label_set() -> impl Strategy<Value = LabelSet> {
    let separators = [None, Some("/"), Some(" > ")];
    let names = subsequence(NAMES.to_vec(), 1..=NAMES.len()).prop_shuffle();
    (names, proptest::sample::select(separators.to_vec())).prop_map(|(names, separator)| LabelSet {
        names: names.into_iter().map(str::to_owned).collect(),
        separator: separator.map(str::to_owned),
    })
}

/// Some of the labels, in any order.
fn some(labels: &LabelSet, picks: &[Index]) -> Vec<String> {
    let mut some: Vec<String> = Vec::new();
    for pick in picks {
        let name = pick.get(&labels.names);
        if !some.contains(name) {
            some.push(name.clone());
        }
    }
    some
}

fn picks() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..4)
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let given = prop_oneof![
        3 => picks().prop_map(Some),
        1 => Just(None),
    ];
    let task = (hostile_text(), picks(), 0_usize..4, prop::collection::vec(given, 0..3));
    let tasks = prop::collection::vec(task, 1..8);
    (hostile_text(), hostile_text(), label_set(), tasks).prop_map(|(project, id, labels, made)| {
        let mut case = Case { project, labels, tasks: Vec::new(), given: Vec::new() };
        for ((text, suggested, round, given), n) in made.into_iter().zip(0..) {
            let names = some(&case.labels, &suggested).into_iter();
            let suggestions = names
                .zip(1..)
                .map(|(label, rank)| Suggestion { label, probability: 1.0 / rank as f32 })
                .collect();
            let text = format!("{text}{n}");
            case.tasks.push(Task { id: format!("{id}{n}"), text, round, suggestions });
            let given = given.into_iter().zip(1..).map(|(picks, person)| Given {
                person,
                labels: picks.as_ref().map_or(Vec::new(), |picks| some(&case.labels, picks)),
                skipped: picks.is_none(),
                at: 1_787_335_446 + 60 * n + person,
            });
            case.given.push(given.collect());
        }
        case
    })
}

/// What of an answer must come back, with labels in the order of their names.
pub(crate) type Told = (String, String, Vec<String>, bool, Option<String>, Option<u64>);

pub(crate) fn told(answer: &Answer) -> Told {
    let mut labels = answer.labels.clone();
    labels.sort();
    let id = answer.id.clone().unwrap_or_default();
    let text = answer.text.clone().unwrap_or_default();
    (id, text, labels, answer.skipped, answer.by.clone(), answer.at)
}

/// The answer that must come back. Not every format has people and times.
pub(crate) fn expected(task: &Task, given: &Given, has_people: bool, has_times: bool) -> Told {
    let mut labels = given.labels.clone();
    labels.sort();
    let by = has_people.then(|| given.person.to_string());
    (task.id.clone(), task.text.clone(), labels, given.skipped, by, has_times.then_some(given.at))
}
