//! How far a project is: what was answered, what the classifier is worth by the audit, and what more texts would bring.

use std::collections::BTreeMap;

use alhost_engine::oracle::annotations::{Line, Status};
use alhost_record::RoundRecord;
use serde::Serialize;

use crate::agreement::agreement;
use crate::shared::{Phase, Shared, State};

/// Rounds that the expected gain is read off, the last ones; earlier ones are steeper.
const LAST_ROUNDS: usize = 6;

/// Labels listed with their agreement, at most: those that people gave most often.
const MOST_LABELS: usize = 50;

#[derive(Clone, Debug, Serialize)]
pub struct Progress {
    /// Texts labeled and skipped by somebody, of all.
    pub answered: usize,
    pub skipped: usize,
    pub of: usize,
    pub batch: Batch,
    pub labels_seen: usize,
    pub n_labels: usize,
    /// The median over all answers.
    pub seconds_a_text: Option<f64>,
    pub rounds: Vec<Round>,
    pub strategy: Strategy,
    /// What comes next, in a sentence.
    pub next: String,
    /// What the next batch is expected to bring, in a sentence.
    pub stop: Option<String>,
    pub people: Vec<Person>,
    pub agreement: Option<Agreement>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Batch {
    pub done: usize,
    pub of: usize,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Round {
    /// Texts that the classifier was trained on.
    pub labeled: usize,
    /// Texts of the audit that judged it.
    pub audited: usize,
    pub micro_f1: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Strategy {
    pub name: String,
    pub summary: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Person {
    pub who: String,
    pub answered: usize,
    pub skipped: usize,
    pub seconds_a_text: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    pub texts: usize,
    pub overall: Option<f64>,
    pub by_label: Vec<LabelAgreement>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LabelAgreement {
    pub label: String,
    pub alpha: Option<f64>,
    pub texts: usize,
}

impl Shared {
    pub fn progress(&self) -> Progress {
        let state = self.state();
        let status = |id: &String| {
            let of_text = state.answers.of_text(id);
            let labeled = of_text.iter().any(|line| line.status == Status::Labeled);
            (labeled, !labeled && !of_text.is_empty())
        };
        let all: Vec<(bool, bool)> = self.texts.ids.iter().map(status).collect();
        let batch = state.board.batch();
        let done = batch.iter().filter(|wanted| state.answers.has(&self.texts.ids[wanted.row]));
        let (name, summary) = state.strategy.clone();
        Progress {
            answered: all.iter().filter(|(labeled, _)| *labeled).count(),
            skipped: all.iter().filter(|(_, skipped)| *skipped).count(),
            of: all.len(),
            batch: Batch { done: done.count(), of: batch.len() },
            labels_seen: state.answers.labels_seen(),
            n_labels: state.labels.len(),
            seconds_a_text: median(state.answers.all_last()),
            rounds: state.rounds.iter().map(round).collect(),
            strategy: Strategy { name, summary },
            next: next(&state),
            stop: expected(&state.rounds, self.project.config.r#loop.query_size),
            people: people(&state),
            agreement: compared(&state),
        }
    }
}

fn round(record: &RoundRecord) -> Round {
    let estimate = record.estimate;
    Round {
        labeled: record.labeled,
        audited: estimate.map_or(0, |estimate| estimate.texts),
        micro_f1: estimate.map(|estimate| estimate.micro_f1),
        low: estimate.and_then(|estimate| estimate.low),
        high: estimate.and_then(|estimate| estimate.high),
    }
}

fn next(state: &State) -> String {
    let strategy = &state.strategy.0;
    match &state.phase {
        Phase::Opening => "Data and model are being read.".to_owned(),
        Phase::FirstLabels => {
            "There are no labels yet. The first texts are drawn at random; add labels as you meet them.".to_owned()
        }
        Phase::Training => {
            format!("A classifier is being trained; then {strategy} chooses the next texts.")
        }
        Phase::Asking => format!(
            "When these {} texts are labeled, a classifier is trained, and {strategy} chooses the next ones.",
            state.board.batch().len()
        ),
        Phase::Finished(why) => format!("No more texts are chosen: {why}."),
        Phase::Failed(why) => format!("It cannot go on: {why}"),
    }
}

/// The gain of the next `n` texts, if micro-F1 goes on to grow with the logarithm of the number of labeled texts as in
/// the last rounds: a line by least squares.
fn expected(rounds: &[RoundRecord], n: usize) -> Option<String> {
    let last = &rounds[rounds.len().saturating_sub(LAST_ROUNDS)..];
    let points: Vec<(f64, f64)> = last
        .iter()
        .filter_map(|round| {
            // What has no interval yet is too little to read a gain off.
            let estimate = round.estimate.filter(|estimate| estimate.low.is_some())?;
            Some(((round.labeled as f64).ln(), estimate.micro_f1))
        })
        .collect();
    if points.len() < 3 {
        return None;
    }
    let mean =
        |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let across: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let along: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let labeled = last.last()?.labeled as f64;
    let gain = across / along * ((labeled + n as f64) / labeled).ln();
    if gain < 0.0005 {
        return Some(format!(
            "The next {n} texts are expected to bring nothing that the audit could show: micro-F1 has not grown of late."
        ));
    }
    Some(format!(
        "The next {n} texts are expected to bring about {gain:.3} of micro-F1, if it grows as in the last {} rounds.",
        points.len()
    ))
}

/// The median of the seconds spent on a text.
fn median<'a>(lines: impl Iterator<Item = &'a Line>) -> Option<f64> {
    let mut seconds: Vec<f64> = lines.filter_map(|line| line.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied()
}

fn people(state: &State) -> Vec<Person> {
    let one = |who: String| {
        let count = |status| state.answers.history(&who).filter(|l| l.status == status).count();
        let (answered, skipped) = (count(Status::Labeled), count(Status::Skipped));
        let seconds_a_text = median(state.answers.history(&who));
        Person { who, answered, skipped, seconds_a_text }
    };
    state.answers.people().into_iter().map(one).collect()
}

/// How far people agree on the texts that several of them labeled.
fn compared(state: &State) -> Option<Agreement> {
    let mut texts = BTreeMap::<&str, Vec<Vec<u32>>>::new();
    for line in state.answers.all_last().filter(|line| line.status == Status::Labeled) {
        let labels = line.labels.iter().map(|name| state.label_ids[name]).collect();
        texts.entry(&line.id).or_default().push(labels);
    }
    let texts: Vec<Vec<Vec<u32>>> = texts.into_values().filter(|given| given.len() > 1).collect();
    if texts.is_empty() {
        return None;
    }
    let found = agreement(&texts);
    let mut labels = found.by_label;
    labels.sort_by_key(|label| (std::cmp::Reverse(label.n_texts), label.label));
    let named = labels.into_iter().take(MOST_LABELS).map(|one| LabelAgreement {
        label: state.labels.names()[one.label as usize].clone(),
        alpha: one.alpha,
        texts: one.n_texts,
    });
    Some(Agreement { texts: found.n_texts, overall: found.overall, by_label: named.collect() })
}
