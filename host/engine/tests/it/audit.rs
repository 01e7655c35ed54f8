//! Sessions that keep texts apart, to judge classifiers on them.

use std::collections::BTreeSet;

use alhost_engine::{Session, Step};
use alhost_metrics::estimate::FEWEST;
use alhost_record::{Records, SelectionRecord};

use crate::support::{Opened, WATCH};

fn records_of(strategy: &str, set: &[&str]) -> Records {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = Opened::new(folder.path(), &[strategy], set);
    let Opened { experiment, strategies } = &mut opened;
    let session = Session::open(experiment, strategies, strategy, 1, WATCH).unwrap();
    let path = session.path().to_owned();
    session.run().unwrap();
    alhost_record::read(&path).unwrap()
}

fn audited(selections: &[SelectionRecord]) -> Vec<u32> {
    selections.iter().flat_map(|selection| selection.audit_rows.iter().copied()).collect()
}

#[test]
fn each_batch_has_its_share_of_the_audit_and_the_budget_counts_both() {
    let check = |set: &[&str], of_each: &[(usize, usize)]| {
        let records = records_of("random", set);
        let sizes: Vec<(usize, usize)> = records
            .selections
            .iter()
            .map(|selection| (selection.rows.len(), selection.audit_rows.len()))
            .collect();
        assert_eq!(sizes, of_each, "{set:?}");
        let chosen = of_each.iter().map(|sizes| sizes.0).sum::<usize>();
        assert_eq!(records.rounds.last().unwrap().labeled, chosen);
    };
    check(&[], &[(8, 0), (6, 0), (6, 0), (4, 0)]);
    // 8, 14, 20 and 24 texts in all, of which a quarter: 2, 3.5, 5, 6.
    check(&["loop.audit=0.25"], &[(6, 2), (5, 1), (4, 2), (3, 1)]);
    check(&["loop.audit=0.5"], &[(4, 4), (3, 3), (3, 3), (2, 2)]);
    // One of a hundred is kept (0.6, rounded up), and never due.
    check(&["loop.audit=0.01"], &[(8, 0), (6, 0), (6, 0), (4, 0)]);
}

#[test]
fn no_strategy_sees_its_texts_and_all_strategies_have_the_same() {
    let set = ["loop.audit=0.5", "loop.budget=60"];
    let (random, cvirs) = (records_of("random", &set), records_of("cvirs", &set));
    let of_audit = audited(&random.selections);
    assert_eq!(of_audit, audited(&cvirs.selections));
    assert!(!of_audit.is_sorted(), "in a random order");
    let kept: BTreeSet<u32> = of_audit.iter().copied().collect();
    assert_eq!((kept.len(), of_audit.len()), (30, 30));
    for selection in random.selections.iter().chain(&cvirs.selections) {
        assert!(selection.rows.iter().all(|row| !kept.contains(row)));
        assert_eq!(selection.audit_ids.len(), selection.audit_rows.len());
    }
    assert_eq!(random.rounds.last().unwrap().labeled, 30);
}

#[test]
fn the_estimate_is_of_the_texts_that_are_labeled_by_then() {
    let set = ["loop.audit=0.5", "loop.budget=60", "data.demo.train_texts=90"];
    let records = records_of("cvirs", &set);
    for (round, record) in records.rounds.iter().enumerate() {
        let estimate = record.estimate.unwrap();
        assert_eq!(estimate.texts, audited(&records.selections[..=round]).len());
        assert_eq!(estimate.low.is_some(), estimate.texts >= FEWEST);
        assert!((0.0..=1.0).contains(&estimate.micro_f1));
    }
    assert_eq!(records.rounds.last().unwrap().estimate.unwrap().texts, 30);
    assert!(records_of("random", &[]).rounds.iter().all(|round| round.estimate.is_none()));
}

#[test]
fn without_dev_it_tunes_the_threshold_and_feeds_the_stopping_rules() {
    let set = [
        "loop.audit=0.5",
        "loop.budget=80",
        "data.demo.train_texts=90",
        "data.demo.dev_texts=0",
        "loop.stop.plateau_rounds=50",
    ];
    let records = records_of("random", &set);
    let tuned: Vec<bool> = records.rounds.iter().map(|r| r.thresholds.micro.is_some()).collect();
    let judged: Vec<bool> = records
        .rounds
        .iter()
        .map(|round| round.signals.as_ref().is_some_and(|signals| signals.dev.is_some()))
        .collect();
    let enough: Vec<bool> =
        records.rounds.iter().map(|round| round.estimate.unwrap().texts >= FEWEST).collect();
    assert_eq!((&tuned, &judged), (&enough, &enough));
    assert!(enough.contains(&true) && enough.contains(&false));
}

#[test]
fn a_program_sees_which_texts_come_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = Opened::new(folder.path(), &["random"], &["loop.audit=0.25"]);
    let Opened { experiment, strategies } = &mut opened;
    let mut session = Session::open(experiment, strategies, "random", 1, WATCH).unwrap();
    let all = session.pool().audit().unwrap().upcoming().to_vec();
    assert_eq!(all.len(), 15);
    while session.rounds().len() < 2 {
        assert!(!matches!(session.step().unwrap(), Step::Stopped(_)));
    }
    let audit = session.pool().audit().unwrap();
    assert_eq!(audit.texts().labeled(), &all[..3]);
    assert_eq!(audit.upcoming(), &all[3..]);
    assert_eq!(session.pool().n_labeled(), 14);
}
