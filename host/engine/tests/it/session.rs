//! A session is stepped from event to event, and its records are those of the steps.

use alhost_engine::{Session, Step};
use alhost_record::{Stop, without_cost};

use crate::support::{Opened, WATCH};

#[test]
fn steps_come_in_order_and_the_end_stays_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut experiment, mut strategies } = Opened::new(folder.path(), &["random"], &[]);
    let mut session = Session::open(&mut experiment, &mut strategies, "random", 1, WATCH).unwrap();
    let mut steps = Vec::new();
    loop {
        let step = session.step().unwrap();
        steps.push(step.clone());
        if let Step::Stopped(_) = step {
            break;
        }
        if let Step::Trained { round } = step {
            assert_eq!(session.rounds().len(), round, "recorded by the next step");
            assert_eq!(session.pool().labeled().len(), 8 + 6 * round.min(2) + 4 * (round / 3));
        }
    }
    let queried = |texts| Step::Queried { texts };
    let trained = |round| Step::Trained { round };
    let expected = [
        queried(8),
        trained(0),
        queried(6),
        trained(1),
        queried(6),
        trained(2),
        queried(4),
        trained(3),
        Step::Stopped(Stop::Budget),
    ];
    assert_eq!(steps, expected);
    assert_eq!(session.step().unwrap(), Step::Stopped(Stop::Budget), "again");
    let labeled: Vec<usize> = session.rounds().iter().map(|round| round.labeled).collect();
    assert_eq!(labeled, [8, 14, 20, 24]);
}

#[test]
fn strategies_of_a_seed_start_alike_and_go_their_ways() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = Opened::new(folder.path(), &["random", "cvirs"], &[]);
    let mut selections = Vec::new();
    for strategy in ["random", "cvirs"] {
        let Opened { experiment, strategies } = &mut opened;
        let session = Session::open(experiment, strategies, strategy, 3, WATCH).unwrap();
        let file = session.path().join("selections.jsonl");
        let rounds = session.run().unwrap();
        selections.push((fs_err::read_to_string(file).unwrap(), rounds));
    }
    let first = |index: usize| selections[index].0.lines().next().unwrap().to_owned();
    let texts = |line: String| line.split("\"scores\"").next().unwrap().to_owned();
    assert_eq!(texts(first(0)), texts(first(1)), "the same initial set");
    assert_eq!(selections[0].1[0].metrics, selections[1].1[0].metrics, "and the same first model");
    assert_ne!(selections[0].0, selections[1].0);
}

#[test]
fn a_finished_session_opens_at_its_end_and_another_config_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = |set: &[&str]| {
        let Opened { mut experiment, mut strategies } =
            Opened::new(folder.path(), &["random"], set);
        let session = Session::open(&mut experiment, &mut strategies, "random", 1, WATCH)?;
        let rounds = session.path().join("rounds.jsonl");
        session.run()?;
        anyhow::Ok(without_cost(&fs_err::read_to_string(rounds)?))
    };
    let first = run(&[]).unwrap();
    assert_eq!(run(&[]).unwrap(), first);
    let error = run(&["train.epochs=4"]).unwrap_err().to_string();
    assert!(error.contains("train.epochs"), "{error}");
}

#[test]
fn records_of_another_version_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = Opened::new(folder.path(), &["random"], &[]);
    let mut open = || {
        let Opened { experiment, strategies } = &mut opened;
        let session = Session::open(experiment, strategies, "random", 1, WATCH)?;
        anyhow::Ok(session.path().join("manifest.json"))
    };
    let manifest = open().unwrap();
    let text = fs_err::read_to_string(&manifest).unwrap();
    fs_err::write(&manifest, text.replacen("\"format\": 1", "\"format\": 9", 1)).unwrap();
    let error = open().unwrap_err().to_string();
    assert!(error.contains("format 9"), "{error}");
}

#[test]
fn a_rule_ends_a_run_before_its_budget() {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut experiment, mut strategies } = Opened::new(
        folder.path(),
        &["random"],
        &["loop.stop.plateau_rounds=1", "loop.stop.plateau_delta=1"],
    );
    let session = Session::open(&mut experiment, &mut strategies, "random", 1, WATCH).unwrap();
    let rounds = session.run().unwrap();
    assert_eq!(rounds.len(), 2);
    assert_eq!(rounds[1].stop, Some(Stop::Plateau));
}

#[test]
fn shadows_select_on_every_model_and_change_nothing() {
    let without = tempfile::tempdir().unwrap();
    let with = tempfile::tempdir().unwrap();
    let run = |folder: &std::path::Path, shadows: &[&str]| {
        let toys = crate::toy::Toys(std::sync::Arc::new(|_| {}));
        let Opened { mut experiment, mut strategies } =
            Opened::telling((folder, &folder.join("cache")), &["cvirs"], &[], shadows, &toys);
        let session = Session::open(&mut experiment, &mut strategies, "cvirs", 1, WATCH).unwrap();
        let path = session.path().to_owned();
        session.run().unwrap();
        let selections = fs_err::read_to_string(path.join("selections.jsonl")).unwrap();
        (selections, alhost_record::read_shadows(&path).unwrap())
    };
    let (alone, none) = run(without.path(), &[]);
    let (watched, shadows) = run(with.path(), &["random"]);
    assert_eq!(alone, watched);
    assert!(none.is_empty());
    let rounds: Vec<usize> = shadows.iter().map(|shadow| shadow.round).collect();
    assert_eq!(rounds, [1, 2, 3]);
    assert!(shadows.iter().all(|shadow| shadow.error.is_none() && shadow.selection.is_some()));
}

/// The records say how many texts a strategy saw, and it selects among them.
#[test]
fn a_filtered_pool_is_what_strategies_see() {
    let seen = |set: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let Opened { mut experiment, mut strategies } = Opened::new(folder.path(), &["cvirs"], set);
        let session = Session::open(&mut experiment, &mut strategies, "cvirs", 1, WATCH).unwrap();
        let path = session.path().to_owned();
        session.run().unwrap();
        let selections = alhost_record::read(&path).unwrap().selections;
        let rows: Vec<Vec<u32>> = selections.iter().map(|one| one.rows.clone()).collect();
        (selections.iter().map(|one| one.candidates).collect::<Vec<_>>(), rows)
    };
    let (all, of_all) = seen(&[]);
    assert_eq!(all, [None; 4]);
    for filter in ["random", "nearest"] {
        let filter = format!("loop.candidates={filter}");
        let set = [filter.as_str(), "loop.n_candidates=9"];
        let (some, of_some) = seen(&set);
        assert_eq!(some, [None, Some(9), Some(9), Some(9)], "{filter}; the initial set sees all");
        assert_ne!(of_some, of_all, "{filter}");
        assert_eq!(of_some, seen(&set).1, "{filter}: the same again");
        // Never fewer than are asked for.
        assert_eq!(seen(&[&filter, "loop.n_candidates=2"]).0, [None, Some(6), Some(6), Some(4)]);
    }
}
