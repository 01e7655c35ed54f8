//! Golden values, properties of the ranks, and queries against a stand-in that asks made-up strategies.

use alhost_golden::Case;
use alhost_plugin_api::testing::{StandIn, check_contract};
use proptest::prelude::{Just, prop_assert, prop_assert_eq, proptest};
use proptest::strategy::Strategy as _;

use super::*;

/// All positions, those of the highest score first.
fn order(scores: &[f64]) -> Vec<u32> {
    ranking::highest(scores, scores.len())
}

/// The `k` positions of the least score.
fn lowest(scores: &[f64], k: usize) -> Vec<u32> {
    let negated: Vec<f64> = scores.iter().map(|score| -score).collect();
    ranking::highest(&negated, k)
}

/// Three strategies that score: the mean entropy, the gradient length and the label seeker.
fn scored(case: &Case) -> Vec<Vec<u32>> {
    let n = case.rows("proba");
    let entropy = &case.values("unc_entropy")[..n]; // Row 0 is the mean over the labels.
    [entropy, case.values("egl"), case.values("seek_score")].map(order).to_vec()
}

#[test]
fn golden_ranks_of_scores() {
    for case in alhost_golden::all() {
        let got = borda::mean_ranks(&scored(&case), case.rows("proba"));
        case.assert_close("borda", &got);
        case.assert_picks("borda_picks", &lowest(&got, case.whole("k")));
    }
}

#[test]
fn golden_ranks_of_short_lists() {
    for case in alhost_golden::all() {
        let lists =
            [case.u32s("coreset_picks"), case.u32s("badge_picks"), scored(&case).swap_remove(0)];
        let got = borda::mean_ranks(&lists, case.rows("proba"));
        case.assert_close("borda_lists", &got);
        case.assert_picks("borda_lists_picks", &lowest(&got, case.whole("k")));
    }
}

#[test]
fn golden_turns() {
    for case in alhost_golden::all() {
        let n = case.whole("k").min(case.rows("proba"));
        let got = asked::take_turns(&scored(&case), (0..3).cycle().take(n));
        case.assert_picks("robin_picks", &got);
    }
}

/// Up to four lists of up to `n` of `n` texts each.
fn lists() -> impl proptest::strategy::Strategy<Value = (usize, Vec<Vec<u32>>)> {
    (1_usize..8).prop_flat_map(|n| {
        let all: Vec<u32> = (0..n as u32).collect();
        let list = (Just(all).prop_shuffle(), 0..=n).prop_map(|(mut list, len)| {
            list.truncate(len);
            list
        });
        (Just(n), proptest::collection::vec(list, 1..5))
    })
}

proptest! {
    /// By points: n - 1 - rank from each list, where those left out share what points are left.
    #[test]
    fn the_mean_of_ranks_has_the_order_of_bordas_points((n, lists) in lists()) {
        let points = |text: u32, list: &Vec<u32>| match list.iter().position(|&t| t == text) {
            Some(rank) => (n - 1 - rank) as f64,
            None => {
                let left: Vec<f64> = (list.len()..n).map(|rank| (n - 1 - rank) as f64).collect();
                left.iter().sum::<f64>() / left.len() as f64
            }
        };
        let sum = |text: u32| lists.iter().map(|list| points(text, list)).sum::<f64>();
        let sums: Vec<f64> = (0..n as u32).map(sum).collect();
        let ranks = borda::mean_ranks(&lists, n);
        prop_assert_eq!(lowest(&ranks, n), order(&sums));
        prop_assert!(ranks.iter().all(|rank| (0.0..=1.0).contains(rank)));
    }

    #[test]
    fn one_strategy_alone_or_twice_keeps_its_order((n, mut lists) in lists()) {
        let list = lists.swap_remove(0);
        let mut expected = list.clone();
        expected.extend((0..n as u32).filter(|text| !list.contains(text)));
        let twice = [list.clone(), list];
        prop_assert_eq!(lowest(&borda::mean_ranks(&twice[..1], n), n), &expected[..]);
        prop_assert_eq!(lowest(&borda::mean_ranks(&twice, n), n), &expected[..]);
    }
}

#[test]
fn it_keeps_the_contract() {
    for params in [
        "{}",
        r#"{"ranking": "all"}"#,
        r#"{"mode": "round-robin", "strategies": "a, b, c(d=1)"}"#,
        r#"{"strategies": "a"}"#,
    ] {
        check_contract::<Combine>(params, &[STRATEGY], true);
    }
}

/// Eight texts, of which 0 and 4 are labeled; each strategy ranks the other six, with the best first.
fn host() -> StandIn {
    let list = |ids: [u32; 6]| Selection::ranked(ids.map(DocId).to_vec());
    let lists = vec![list([7, 6, 5, 3, 2, 1]), list([1, 2, 3, 5, 7, 6])];
    StandIn::new(8, 2).labeled(&[(0, &[0]), (4, &[1])]).strategies(lists)
}

fn check(params: &str, n: usize, ids: &[u32], scores: Option<&[f64]>) {
    let got = host().select::<Combine>(params, n).unwrap();
    assert_eq!(got.ids, ids.iter().map(|&id| DocId(id)).collect::<Vec<_>>(), "{params}");
    assert_eq!(got.scores.as_deref(), scores, "{params}");
}

/// Ranks over all six texts, of 1, 2, 3, 5, 6 and 7: 5 4 3 2 1 0 and 0 1 2 3 5 4, of at most 5. With three
/// picks each, the other three share rank 4: 4 4 4 2 1 0 and 0 1 2 4 4 4.
#[test]
fn how_deep_strategies_rank_decides() {
    let all = r#"{"ranking": "all"}"#;
    check(all, 6, &[7, 1, 2, 3, 5, 6], Some(&[0.4, 0.5, 0.5, 0.5, 0.5, 0.6]));
    check(all, 3, &[7, 1, 2], Some(&[0.4, 0.5, 0.5]));
    check("{}", 3, &[1, 7, 2], Some(&[0.4, 0.4, 0.5]));
}

#[test]
fn in_turns_each_gets_its_best_text_left() {
    check(r#"{"mode": "round-robin"}"#, 3, &[7, 1, 6], None);
    check(r#"{"mode": "round-robin"}"#, 9, &[7, 1, 6, 2, 5, 3], None);
    check(r#"{"mode": "round-robin", "strategies": "a"}"#, 2, &[7, 6], None);
}

#[test]
fn a_list_that_cannot_be_read_is_refused_at_once() {
    let check = |params: &str, why: &str| {
        let error = host().create::<Combine>(params).err().unwrap();
        assert!(error.message().contains(why), "{error}");
    };
    check(r#"{"strategies": " "}"#, "there is no strategy to ask");
    check(r#"{"strategies": "a, b(c)"}"#, "`c` in `b(c)` is no parameter");
    check(r#"{"mode": "bordeaux"}"#, "must be one of `borda`, `round-robin`");
}

#[test]
fn what_fails_or_is_stopped_ends_the_query() {
    let message = |host: StandIn| host.select::<Combine>("{}", 3).unwrap_err().message().to_owned();
    assert!(message(host().failing_at(1)).starts_with("request 1 (`strategy/1`) fails"));
    assert_eq!(message(host().cancelled_after(1)), "cancelled");
    assert!(message(host().short()).starts_with("the strategy at place 1 of `strategies` gave 0"));
}
