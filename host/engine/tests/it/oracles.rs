//! Sessions with oracles that wait, skip, correct themselves or answer wrongly.

use alhost_data::Labels;
use alhost_engine::oracle::annotations::{self, Line, Log, Status};
use alhost_engine::oracle::{Annotation, Answer, Oracle, Recorded, Simulated};
use alhost_engine::pool::ValidSelection;
use alhost_engine::{Session, Step};
use alhost_plugin_api::DocId;
use alhost_record::without_cost;
use anyhow::Result;

use crate::support::{Opened, WATCH};

/// Does to the gold answer what the test wants.
struct Changed<F> {
    gold: Simulated,
    change: F,
    corrections: Vec<(DocId, Annotation)>,
}

impl<F: FnMut(Vec<(DocId, Annotation)>) -> Answer> Oracle for Changed<F> {
    fn answer(&mut self, selection: &ValidSelection) -> Result<Answer> {
        match self.gold.answer(selection)? {
            Answer::Given(given) => Ok((self.change)(given)),
            Answer::Waiting { missing } => Ok(Answer::Waiting { missing }),
        }
    }

    fn corrections(&mut self) -> Result<Vec<(DocId, Annotation)>> {
        Ok(std::mem::take(&mut self.corrections))
    }
}

fn changed(
    opened: &Opened,
    change: impl FnMut(Vec<(DocId, Annotation)>) -> Answer + 'static,
) -> Box<dyn Oracle> {
    let gold = Simulated::new(&opened.experiment.task.dataset);
    Box::new(Changed { gold, change, corrections: Vec::new() })
}

fn opened() -> (tempfile::TempDir, Opened) {
    let folder = tempfile::tempdir().unwrap();
    let opened = Opened::new(folder.path(), &["random"], &[]);
    (folder, opened)
}

#[test]
fn a_session_waits_until_the_oracle_has_answered() {
    let (_folder, mut opened) = opened();
    let mut asked = 0;
    let oracle = changed(&opened, move |given| {
        asked += 1;
        if asked % 3 == 0 { Answer::Given(given) } else { Answer::Waiting { missing: 2 } }
    });
    let Opened { experiment, strategies } = &mut opened;
    let mut session =
        Session::open_with(experiment, strategies, "random", 1, oracle, WATCH).unwrap();
    let mut waited = 0;
    loop {
        match session.step().unwrap() {
            Step::Waiting { missing } => {
                assert_eq!(missing, 2);
                waited += 1;
            }
            Step::Stopped(_) => break,
            Step::Queried { .. } | Step::Trained { .. } => {}
        }
    }
    assert_eq!(waited, 8, "twice before each of four trainings");
    drop(session);

    let oracle = changed(&opened, |_| Answer::Waiting { missing: 8 });
    let Opened { experiment, strategies } = &mut opened;
    let session = Session::open_with(experiment, strategies, "random", 2, oracle, WATCH).unwrap();
    let error = session.run().unwrap_err().to_string();
    assert!(error.starts_with("8 texts have no labels yet\nhint: "), "{error}");
}

#[test]
fn a_wrong_answer_is_refused_with_its_reason() {
    type Given = Vec<(DocId, Annotation)>;
    let check = |change: fn(Given) -> Given, part: &str| {
        let (_folder, mut opened) = opened();
        let oracle = changed(&opened, move |given| Answer::Given(change(given)));
        let Opened { experiment, strategies } = &mut opened;
        let session =
            Session::open_with(experiment, strategies, "random", 1, oracle, WATCH).unwrap();
        let error = session.run().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    check(|given| given[1..].to_vec(), "gave no answer for text");
    check(|given| [&given[..], &given[..1]].concat(), "answered twice for text");
    let unknown = |mut given: Vec<(DocId, Annotation)>| {
        given[0].1 = Annotation::Labels(vec![9_999]);
        given
    };
    check(unknown, "the label 9999, but there are");
    let other = |mut given: Vec<(DocId, Annotation)>| {
        let free = (0..60).map(DocId).find(|id| given.iter().all(|(asked, _)| asked != id));
        given[0].0 = free.unwrap();
        given
    };
    check(other, "which it was not asked about");
}

#[test]
fn a_session_that_failed_says_so_and_one_opened_after_it_goes_on() {
    let (_folder, mut opened) = opened();
    let mut asked = 0;
    let oracle = changed(&opened, move |given| {
        asked += 1;
        Answer::Given(if asked == 2 { Vec::new() } else { given })
    });
    let Opened { experiment, strategies } = &mut opened;
    let mut session =
        Session::open_with(experiment, strategies, "random", 1, oracle, WATCH).unwrap();
    while session.step().is_ok() {}
    for _ in 0..2 {
        let error = session.step().unwrap_err().to_string();
        assert!(error.contains("failed") && error.contains("hint: open it again"), "{error}");
    }
    assert_eq!(session.rounds().len(), 1);
    let path = session.path().to_owned();
    drop(session);
    Session::open(experiment, strategies, "random", 1, WATCH).unwrap().run().unwrap();

    let (_other, mut whole) = self::opened();
    let Opened { experiment, strategies } = &mut whole;
    let session = Session::open(experiment, strategies, "random", 1, WATCH).unwrap();
    let other = session.path().to_owned();
    session.run().unwrap();
    assert_eq!(records(&path), records(&other));
}

#[test]
fn skipped_texts_are_never_trained_on_nor_asked_about_again() {
    let (_folder, mut opened) = opened();
    let mut batches = 0;
    let oracle = changed(&opened, move |mut given| {
        batches += 1;
        if batches <= 3 {
            given[0].1 = Annotation::Skipped;
        }
        Answer::Given(given)
    });
    let Opened { experiment, strategies } = &mut opened;
    let mut session =
        Session::open_with(experiment, strategies, "random", 1, oracle, WATCH).unwrap();
    while !matches!(session.step().unwrap(), Step::Stopped(_)) {}
    let labeled: Vec<usize> = session.rounds().iter().map(|round| round.labeled).collect();
    assert_eq!(labeled, [7, 12, 17, 23, 24]);
    assert_eq!(session.pool().skipped().count(), 3);
    let path = session.path().to_owned();
    drop(session);
    assert!(alhost_record::read(&path).unwrap().is_finished());
    let again = Session::open(experiment, strategies, "random", 1, WATCH).unwrap();
    assert_eq!(again.rounds().len(), 5, "its records are taken as they are");
}

/// Skips these texts.
fn skipping(opened: &Opened, texts: &[DocId]) -> Box<dyn Oracle> {
    let texts = texts.to_vec();
    changed(opened, move |mut given| {
        for (_, annotation) in given.iter_mut().filter(|(id, _)| texts.contains(id)) {
            *annotation = Annotation::Skipped;
        }
        Answer::Given(given)
    })
}

#[test]
fn where_the_first_texts_are_skipped_others_are_asked_about_besides() {
    let check = |kept: usize, labeled: &[usize]| {
        let records = |steps: &[usize]| {
            let (_folder, mut opened) = opened();
            let Opened { experiment, strategies } = &mut opened;
            let mut session = Session::open(experiment, strategies, "random", 1, WATCH).unwrap();
            session.step().unwrap();
            let path = session.path().to_owned();
            let first = session.wanted().unwrap().ids().to_vec();
            drop(session);
            for &steps in steps {
                let oracle = skipping(&opened, &first[kept..]);
                let Opened { experiment, strategies } = &mut opened;
                let mut session =
                    Session::open_with(experiment, strategies, "random", 1, oracle, WATCH).unwrap();
                for _ in 0..steps {
                    session.step().unwrap();
                }
            }
            let records = alhost_record::read(&path).unwrap();
            assert!(records.is_finished());
            assert!(records.selections[0].rows.iter().zip(&first).all(|(row, id)| *row == id.0));
            let labeled: Vec<usize> = records.rounds.iter().map(|round| round.labeled).collect();
            (labeled, records.selections)
        };
        let unbroken = records(&[20]);
        assert_eq!(unbroken.0, labeled, "{kept} kept");
        for steps in 1..8 {
            assert_eq!(records(&[steps, 20]), unbroken, "{kept} kept, stopped after {steps} steps");
        }
    };
    check(0, &[8, 14, 20, 24]);
    check(1, &[9, 15, 21, 24]);
    check(2, &[2, 8, 14, 20, 24]);
}

#[test]
fn corrections_change_what_is_trained_on() {
    let (_folder, mut opened) = opened();
    let dataset = std::sync::Arc::clone(&opened.experiment.task.dataset);
    let Opened { experiment, strategies } = &mut opened;
    let mut session = Session::open(experiment, strategies, "random", 1, WATCH).unwrap();
    session.step().unwrap();
    session.step().unwrap();
    let text = session.pool().labeled()[2];
    drop(session);

    let corrected = Annotation::Labels(vec![0, 1]);
    let gold = Simulated::new(&dataset);
    let corrections = vec![(text, corrected)];
    let oracle = Box::new(Changed { gold, change: Answer::Given, corrections });
    let Opened { experiment, strategies } = &mut opened;
    let mut session =
        Session::open_with(experiment, strategies, "random", 1, oracle, WATCH).unwrap();
    session.step().unwrap();
    session.step().unwrap();
    assert_eq!(session.pool().labeled()[2], text);
    assert_eq!(session.pool().labels().row(2), [0, 1]);
}

/// Shares of the labels of the labeled texts that were missed and that are wrong.
fn noise(given: &Labels, ids: &[DocId], gold: &Labels) -> (f64, f64) {
    let (mut missed, mut wrong, mut all) = (0, 0, 0);
    for (row, id) in ids.iter().enumerate() {
        let (given, gold) = (given.row(row), gold.row(id.0 as usize));
        all += gold.len();
        missed += gold.iter().filter(|label| !given.contains(label)).count();
        wrong += given.iter().filter(|label| !gold.contains(label)).count();
    }
    (missed as f64 / all as f64, wrong as f64 / all as f64)
}

#[test]
fn the_noisy_oracle_of_the_config_makes_its_mistakes_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let set = ["oracle.kind=noisy", "oracle.missed=0.3", "oracle.wrong=0.2", "loop.budget=60"];
    let run = |seed: u64| {
        let Opened { mut experiment, mut strategies } =
            Opened::new(folder.path(), &["random"], &set);
        let gold = std::sync::Arc::clone(&experiment.task.dataset);
        let mut session =
            Session::open(&mut experiment, &mut strategies, "random", seed, WATCH).unwrap();
        while !matches!(session.step().unwrap(), Step::Stopped(_)) {}
        let pool = session.pool();
        noise(pool.labels(), pool.labeled(), &gold.train.labels)
    };
    for seed in [1, 2] {
        let (missed, wrong) = run(seed);
        assert!((0.15..0.45).contains(&missed), "{missed}");
        assert!((0.02..0.30).contains(&wrong), "{wrong}");
    }
}

#[test]
fn the_simulated_oracle_says_the_gold_labels() {
    let (_folder, mut opened) = opened();
    let gold = std::sync::Arc::clone(&opened.experiment.task.dataset);
    let Opened { experiment, strategies } = &mut opened;
    let mut session = Session::open(experiment, strategies, "random", 1, WATCH).unwrap();
    while !matches!(session.step().unwrap(), Step::Stopped(_)) {}
    let (pool, path) = (session.pool(), session.path().to_owned());
    assert_eq!(noise(pool.labels(), pool.labeled(), &gold.train.labels), (0.0, 0.0));
    let rounds = fs_err::read_to_string(path.join("rounds.jsonl")).unwrap();
    assert_eq!(without_cost(&rounds).lines().count(), 4);
}

/// Writes what the gold oracle says of the texts that were selected last.
fn annotate(dataset: &alhost_data::Dataset, path: &std::path::Path, session: &Session<'_>) {
    let lines = fs_err::read_to_string(session.path().join("selections.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    let mut log = Log::open(path).unwrap().0;
    let rows = |key: &str| last[key].as_array().cloned().unwrap_or_default();
    for row in rows("rows").iter().chain(&rows("audit_rows")) {
        let row = row.as_u64().unwrap() as usize;
        let names = dataset.train.labels.row(row).iter();
        log.append(&[Line {
            id: dataset.train.ids[row].clone(),
            labels: names.map(|label| dataset.vocabulary[*label as usize].clone()).collect(),
            status: Status::Labeled,
            by: "gold".to_owned(),
            at: 0,
            seconds: None,
            from: None,
            note: None,
        }])
        .unwrap();
    }
}

fn records(path: &std::path::Path) -> [String; 2] {
    ["selections.jsonl", "rounds.jsonl"]
        .map(|name| without_cost(&fs_err::read_to_string(path.join(name)).unwrap()))
}

fn with_audit() -> (tempfile::TempDir, Opened) {
    let folder = tempfile::tempdir().unwrap();
    let opened = Opened::new(folder.path(), &["random"], &["loop.audit=0.25"]);
    (folder, opened)
}

#[test]
fn gold_labels_through_a_file_of_annotations_give_the_records_of_the_simulated_oracle() {
    let (_folder, mut opened) = with_audit();
    let Opened { experiment, strategies } = &mut opened;
    let session = Session::open(experiment, strategies, "random", 1, WATCH).unwrap();
    let simulated = session.path().to_owned();
    session.run().unwrap();

    let (folder, mut opened) = with_audit();
    let dataset = std::sync::Arc::clone(&opened.experiment.task.dataset);
    let file = folder.path().join(annotations::FILE);
    let Opened { experiment, strategies } = &mut opened;
    let mut waited = 0;
    // Opened anew before each step, as by a program that is started again.
    let recorded = loop {
        let oracle = Box::new(Recorded::new(&file, &dataset));
        let mut session =
            Session::open_with(experiment, strategies, "random", 1, oracle, WATCH).unwrap();
        let step = loop {
            match session.step().unwrap() {
                Step::Queried { .. } | Step::Trained { .. } => {}
                step => break step,
            }
        };
        match step {
            Step::Waiting { .. } => {
                waited += 1;
                annotate(&dataset, &file, &session);
            }
            _ => break session.path().to_owned(),
        }
    };
    assert_eq!(waited, 4);
    assert_eq!(records(&recorded), records(&simulated));
}

#[test]
fn unknown_texts_and_labels_in_a_file_are_named_with_their_line() {
    let (folder, mut opened) = opened();
    let dataset = std::sync::Arc::clone(&opened.experiment.task.dataset);
    let file = folder.path().join(annotations::FILE);
    let line = |id: &str, label: &str| Line {
        id: id.to_owned(),
        labels: vec![label.to_owned()],
        status: Status::Labeled,
        by: "kim".to_owned(),
        at: 0,
        seconds: None,
        from: None,
        note: None,
    };
    let (id, label) = (dataset.train.ids[0].clone(), dataset.vocabulary[0].clone());
    for (bad, part) in [
        (line("nobody's", &label), "line 2: there is no text `nobody\\'s`"),
        (line(&id, "none"), "line 2: there is no label `none`"),
    ] {
        let _removed = fs_err::remove_file(&file);
        Log::open(&file).unwrap().0.append(&[line(&id, &label), bad]).unwrap();
        let Opened { experiment, strategies } = &mut opened;
        let oracle = Box::new(Recorded::new(&file, &dataset));
        let session =
            Session::open_with(experiment, strategies, "random", 1, oracle, WATCH).unwrap();
        let error = session.run().unwrap_err().to_string();
        assert!(error.contains(part) && error.contains(annotations::FILE), "{error}");
    }
}

#[test]
fn a_later_line_corrects_what_was_trained_on_before() {
    let (folder, mut opened) = opened();
    let dataset = std::sync::Arc::clone(&opened.experiment.task.dataset);
    let file = folder.path().join(annotations::FILE);
    let Opened { experiment, strategies } = &mut opened;
    let oracle = Box::new(Recorded::new(&file, &dataset));
    let mut session =
        Session::open_with(experiment, strategies, "random", 1, oracle, WATCH).unwrap();
    session.step().unwrap();
    annotate(&dataset, &file, &session);
    assert_eq!(session.step().unwrap(), Step::Trained { round: 0 });
    let text = session.pool().labeled()[3];
    let mut correction = annotations::read(&file).unwrap().lines[3].1.clone();
    correction.labels = vec![dataset.vocabulary[2].clone()];
    Log::open(&file).unwrap().0.append(&[correction]).unwrap();
    session.step().unwrap();
    annotate(&dataset, &file, &session);
    assert_eq!(session.step().unwrap(), Step::Trained { round: 1 });
    assert_eq!(session.pool().labeled()[3], text);
    assert_eq!(session.pool().labels().row(3), [2]);
}

#[test]
fn a_session_suggests_what_its_classifier_thinks_and_nothing_before_one_is_trained() {
    let (_folder, mut opened) = opened();
    let Opened { experiment, strategies } = &mut opened;
    let mut session = Session::open(experiment, strategies, "random", 1, WATCH).unwrap();
    session.step().unwrap();
    assert_eq!(session.suggest(&[DocId(3)], 2).unwrap(), None);
    session.step().unwrap();
    let suggested = session.suggest(&[DocId(3), DocId(9)], 2).unwrap().unwrap();
    assert_eq!(suggested.len(), 2);
    for labels in &suggested {
        assert_eq!(labels.len(), 2);
        assert!(labels[0].1 >= labels[1].1 && labels[1].1 > 0.0);
    }
    let few = session.suggest(&[DocId(9)], 0).unwrap().unwrap();
    assert_eq!(few, vec![Vec::new()]);
    drop(session);
    let mut again = Session::open(experiment, strategies, "random", 1, WATCH).unwrap();
    again.step().unwrap();
    assert_eq!(again.suggest(&[DocId(3)], 2).unwrap(), None, "the model is not of this session");
}

/// The model of round 0 is kept for all strategies of a seed: it must not be that of other labels.
#[test]
fn another_oracle_does_not_take_over_the_first_model_of_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let first = |set: &[&str]| {
        let Opened { mut experiment, mut strategies } =
            Opened::new(folder.path(), &["random"], set);
        let session = Session::open(&mut experiment, &mut strategies, "random", 1, WATCH).unwrap();
        session.run().unwrap()[0].metrics.unwrap()
    };
    let noisy = ["oracle.kind=noisy", "oracle.missed=0.6", "name=noisy"];
    let other = ["oracle.kind=noisy", "oracle.missed=0.6", "name=other", "oracle.wrong=0.9"];
    let (simulated, noisy, other) = (first(&[]), first(&noisy), first(&other));
    assert_ne!(simulated, noisy);
    assert_ne!(noisy, other);
}
