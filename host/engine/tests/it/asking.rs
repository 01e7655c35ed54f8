//! Strategies that ask others: found and checked before the run, named in the record, resumed with their state.

use alhost_engine::{Plan, Session, Step};
use alhost_record::{RunManifest, without_cost};

use crate::support::{Opened, WATCH, config, plugin, shelf};

/// The setting that makes `combine` ask these.
fn asks(list: &str) -> String {
    format!("strategy.combine.params.strategies={list}")
}

fn refused(list: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &["combine"], &[&asks(list)]);
    let refused = Plan::of(&config, &[], &shelf()).err();
    format!("{:#}", refused.unwrap_or_else(|| panic!("{list} is not refused")))
}

#[test]
fn what_cannot_be_asked_is_refused_before_the_run() {
    let check = |list: &str, whys: &[&str]| {
        let error = refused(list);
        for why in whys {
            assert!(error.contains(why), "{list}: {error}");
        }
    };
    check("", &["strategy `combine`", "there is no strategy to ask"]);
    check(&plugin("combine"), &["`combine` is to ask", "itself asks other strategies", "hint:"]);
    check("./libnone.so", &["`combine` is to ask `./libnone.so`", "libnone.so"]);
    check(
        &format!("{}(ties=never)", plugin("cvirs")),
        &["`combine` is to ask", "parameter `ties` is \"never\", but must be one of"],
    );
    check(&format!("{}(top=3)", plugin("random")), &["unknown parameter `top`"]);
}

/// Runs `combine` with these strategies, and gives back its records: the selected rows of each round, and the
/// manifest.
fn run(list: &str, set: &[&str]) -> anyhow::Result<(Vec<Vec<u32>>, RunManifest)> {
    let folder = tempfile::tempdir()?;
    let asks = asks(list);
    let set: Vec<&str> = std::iter::once(asks.as_str()).chain(set.iter().copied()).collect();
    let Opened { mut experiment, mut strategies } = Opened::new(folder.path(), &["combine"], &set);
    let session = Session::open(&mut experiment, &mut strategies, "combine", 1, WATCH)?;
    let path = session.path().to_owned();
    session.run()?;
    let records = alhost_record::read(&path)?;
    let rows = records.selections.into_iter().map(|selection| selection.rows).collect();
    Ok((rows, records.manifest))
}

/// Runs a strategy by itself.
fn alone(name: &str) -> Vec<Vec<u32>> {
    let folder = tempfile::tempdir().unwrap();
    let Opened { mut experiment, mut strategies } = Opened::new(folder.path(), &[name], &[]);
    let session = Session::open(&mut experiment, &mut strategies, name, 1, WATCH).unwrap();
    let path = session.path().to_owned();
    session.run().unwrap();
    let selections = alhost_record::read(&path).unwrap().selections;
    selections.into_iter().map(|selection| selection.rows).collect()
}

#[test]
fn one_that_is_asked_alone_selects_as_by_itself() {
    for name in ["random", "cvirs"] {
        let (rows, _) = run(&plugin(name), &[]).unwrap();
        assert_eq!(rows, alone(name), "{name}");
    }
}

#[test]
fn the_record_names_those_that_are_asked() {
    let both = format!("{}(ties=midrank), {}", plugin("cvirs"), plugin("random"));
    let (rows, manifest) = run(&both, &[]).unwrap();
    assert_ne!(rows, alone("random"));
    assert_ne!(rows, alone("cvirs"));
    let asked: Vec<&str> = manifest.asked.iter().map(|one| one.plugin.id.as_str()).collect();
    assert_eq!(asked, ["cvirs", "random"]);
    assert_eq!(manifest.asked[0].params["ties"], "midrank");
    assert_eq!(manifest.asked[0].plugin.blake3.len(), 64);
    // They see the part of the pool that whoever asks sees.
    let filter = ["loop.candidates=random", "loop.n_candidates=9"];
    let (filtered, _) = run(&both, &filter).unwrap();
    assert_eq!(filtered, run(&both, &filter).unwrap().0);
    assert_ne!(filtered, rows);
}

#[test]
fn one_that_fails_is_named_beside_the_one_that_asked() {
    for fault in ["panic-in-select", "too-few", "outside"] {
        let list = format!("{}, {}(fault={fault})", plugin("random"), plugin("hostile"));
        let error = format!("{:#}", run(&list, &[]).unwrap_err());
        assert!(error.contains("`combine`") && error.contains("`hostile`"), "{fault}: {error}");
    }
}

/// `hostile` counts its queries and says the count in its state; without it, a resumed run would differ.
#[test]
fn those_that_are_asked_go_on_where_they_were() {
    let list = format!("{}, {}", plugin("hostile"), plugin("cvirs"));
    let asks = asks(&list);
    let whole = run(&list, &[]).unwrap().0;
    let folder = tempfile::tempdir().unwrap();
    let mut n_sessions = 0;
    // Each round in a session of its own, which ends when the next texts are selected.
    let path = loop {
        let Opened { mut experiment, mut strategies } =
            Opened::new(folder.path(), &["combine"], &[&asks]);
        let mut session =
            Session::open(&mut experiment, &mut strategies, "combine", 1, WATCH).unwrap();
        n_sessions += 1;
        while matches!(session.step().unwrap(), Step::Queried { .. }) {}
        if let Step::Stopped(_) = session.step().unwrap() {
            break session.path().to_owned();
        }
    };
    assert_eq!(n_sessions, 4);
    let records = alhost_record::read(&path).unwrap();
    let rows: Vec<Vec<u32>> = records.selections.into_iter().map(|one| one.rows).collect();
    assert_eq!(rows, whole);
    let rounds = fs_err::read_to_string(path.join("rounds.jsonl")).unwrap();
    assert_eq!(without_cost(&rounds).lines().count(), 4);
}
