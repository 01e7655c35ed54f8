//! Queries against a stand-in that asks made-up strategies, and several rounds with what is learnt.

use std::collections::BTreeMap;

use alhost_plugin_api::testing::{StandIn, check_contract};

use super::*;

#[test]
fn it_keeps_the_contract() {
    for params in [
        "{}",
        r#"{"reward": "positive", "decay": 0}"#,
        r#"{"strategies": "a, b(c=1)", "decay": 1}"#,
        r#"{"strategies": "a"}"#,
    ] {
        check_contract::<Tailor>(params, &[STRATEGY], true);
    }
}

const N: u32 = 400;

/// One label, which even texts carry. Arm 0 ranks even texts first, arm 1 odd ones.
fn host(round: u32, labeled: &[u32]) -> StandIn {
    let labels = |id: u32| if id.is_multiple_of(2) { &[0][..] } else { &[] };
    let labeled: Vec<(u32, &[u32])> = labeled.iter().map(|&id| (id, labels(id))).collect();
    let arm = |first: u32| {
        let own = (0..N).filter(|id| id % 2 == first);
        let others = (0..N).filter(|id| id % 2 != first);
        Selection::ranked(own.chain(others).map(DocId).collect())
    };
    let host = StandIn::new(N as usize, 1).labeled(&labeled).strategies(vec![arm(0), arm(1)]);
    host.round(round).seed(round as u8)
}

fn tailor(params: &str) -> Tailor {
    let mut all: BTreeMap<&str, serde_json::Value> = serde_json::from_str(params).unwrap();
    all.insert("strategies", "even, odd".into());
    host(1, &[]).create(&serde_json::to_string(&all).unwrap()).unwrap()
}

/// Rounds of 20 texts; the texts picked in each.
fn experiment(tailor: &mut Tailor, rounds: u32) -> Vec<Vec<u32>> {
    let (mut labeled, mut done) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let selection = tailor.select(&host(round, &labeled).context(), 20).unwrap();
        let ids: Vec<u32> = selection.ids.iter().map(|id| id.0).collect();
        labeled.extend(&ids);
        done.push(ids);
    }
    done
}

fn n_even(ids: &[u32]) -> usize {
    ids.iter().filter(|id| id.is_multiple_of(2)).count()
}

#[test]
fn the_arm_that_finds_labels_has_more_turns() {
    let done = experiment(&mut tailor(r#"{"reward": "positive"}"#), 8);
    assert!((4..=16).contains(&n_even(&done[0])), "{:?}", done[0]);
    let late: usize = done[4..].iter().map(|ids| n_even(ids)).sum();
    assert!(late > 70, "{late} of 80");
}

/// Arm 0 has picked 40 texts, which all carry the label. Nothing is known of arm 1.
#[test]
fn a_label_that_most_texts_carry_is_avoided() {
    let labeled: Vec<u32> = (0..40).map(|i| 2 * i).collect();
    let n_even = |params: &str| {
        let mut tailor = tailor(params);
        tailor.batch = labeled.iter().map(|&id| (DocId(id), 0)).collect();
        let ids = tailor.select(&host(2, &labeled).context(), 50).unwrap().ids;
        n_even(&ids.iter().map(|id| id.0).collect::<Vec<_>>())
    };
    let (rare, positive) = (n_even("{}"), n_even(r#"{"reward": "positive"}"#));
    assert!(rare < 5 && positive > 45, "{rare} {positive} of 50");
}

#[test]
fn what_fades_is_as_the_parameter_says() {
    let beliefs = |params: &str| {
        let mut tailor = tailor(params);
        experiment(&mut tailor, 3);
        tailor.beliefs
    };
    assert_ne!(beliefs("{}"), beliefs(r#"{"decay": 1}"#));
    // Without any memory, what arm 0 is believed to find is what it found in one batch.
    let now = beliefs(r#"{"decay": 0, "reward": "positive"}"#);
    let (a, b) = now.of(0).next().unwrap();
    assert!(a >= 1.0 && (b - beliefs::FLOOR).abs() < 1e-12, "{a} {b}");
}

#[test]
fn a_text_that_was_skipped_says_nothing() {
    let first = |labeled: &[u32]| {
        let mut tailor = tailor("{}");
        tailor.batch = vec![(DocId(2), 0), (DocId(5), 1), (DocId(8), 0)];
        tailor.learned(&host(2, labeled).context())
    };
    let nothing = || std::iter::empty::<(usize, &[u32])>();
    assert_eq!(first(&[]), Beliefs::even(2, 1).after(0.9, nothing()));
    let one: [(usize, &[u32]); 1] = [(0, &[0])];
    assert_eq!(first(&[2]), Beliefs::even(2, 1).after(0.9, one.into_iter()));
    assert_eq!(first(&[2]), first(&[2, 10, 11]), "others have picked these");
}

#[test]
fn a_new_instance_goes_on_from_what_was_saved() {
    let unbroken = experiment(&mut tailor("{}"), 4);
    let mut before = tailor("{}");
    let done = experiment(&mut before, 2);
    let mut after = tailor("{}");
    after.load(&before.save().unwrap()).unwrap();
    let mut labeled = done.concat();
    for round in 3..=4 {
        let selection = after.select(&host(round, &labeled).context(), 20).unwrap();
        let ids: Vec<u32> = selection.ids.iter().map(|id| id.0).collect();
        assert_eq!(ids, unbroken[round as usize - 1]);
        labeled.extend(ids);
    }
    let mut other: Tailor = host(1, &[]).create(r#"{"strategies": "even"}"#).unwrap();
    let error = other.load(&before.save().unwrap()).unwrap_err();
    assert!(error.message().contains("`a` is of 2 strategies, not 1"), "{error}");
}

#[test]
fn a_query_that_failed_can_be_put_again() {
    let mut tailor = tailor("{}");
    let done = experiment(&mut tailor, 1).concat();
    let state = tailor.save().unwrap();
    for broken in [host(2, &done).failing_at(0), host(2, &done).short()] {
        assert!(tailor.select(&broken.context(), 20).is_err());
        assert_eq!(tailor.save().unwrap(), state);
    }
    let stopped = host(2, &done).cancelled_after(21);
    let error = tailor.select(&stopped.context(), 20).unwrap_err();
    assert_eq!(error, Error::cancelled());
    // Nothing asked for is no batch.
    assert_eq!(tailor.select(&host(2, &done).context(), 0).unwrap().ids, []);
    assert_eq!(tailor.save().unwrap(), state);
}

#[test]
fn an_arm_without_a_turn_is_not_asked() {
    let host = host(1, &[]);
    tailor("{}").select(&host.context(), 1).unwrap();
    assert_eq!(host.requests().len(), 1);
    let log = host.logged().concat();
    assert!(log.starts_with("picks of each strategy: `even` "), "{log}");
}

#[test]
fn a_list_that_cannot_be_read_is_refused_at_once() {
    let error = host(1, &[]).create::<Tailor>(r#"{"strategies": "a,,b"}"#).err().unwrap();
    assert!(error.message().contains("an entry names no strategy"), "{error}");
}
