//! TAILOR against values computed elsewhere from the published rules, given the draws.

use alhost_golden::Case;
use alhost_plugin_kit::asked;

use crate::beliefs::Beliefs;
use crate::reward::{Reward, best, value};

/// Numbers of labels of the labeled texts.
fn worth(case: &Case) -> Vec<f64> {
    let mut counts = vec![0; case.cols("tailor_a0")];
    let labeled = case.sets("y_labeled");
    for &label in labeled.iter().flatten() {
        counts[label as usize] += 1;
    }
    Reward::Rare.worth(&counts, labeled.len())
}

/// An array of `[arms][columns]`.
fn rows(case: &Case, name: &str) -> Vec<Vec<f64>> {
    case.values(name).chunks(case.cols(name)).map(<[f64]>::to_vec).collect()
}

/// The arm of each pick, by the draws that are given: `[picks][arms][labels]`.
fn turns(case: &Case, worth: &[f64]) -> Vec<usize> {
    let of_pick = case.values("tailor_theta").chunks(case.rows("tailor_a0") * worth.len());
    let turn = |theta: &[f64]| {
        let value = |shares: &[f64]| value(shares.iter().copied(), worth);
        best(&theta.chunks(worth.len()).map(value).collect::<Vec<_>>())
    };
    of_pick.map(turn).take(case.rows("proba")).collect()
}

#[test]
fn worths_arms_picks_and_beliefs_agree() {
    for case in alhost_golden::all() {
        let worth = worth(&case);
        case.assert_close("tailor_v", &worth);

        let turns = turns(&case, &worth);
        case.assert_picks("tailor_arms", &turns.iter().map(|&arm| arm as u32).collect::<Vec<_>>());

        let cols = case.cols("tailor_orders");
        let lists: Vec<Vec<u32>> =
            case.u32s("tailor_orders").chunks(cols).map(<[u32]>::to_vec).collect();
        let picks = asked::take_turns(&lists, turns.iter().copied());
        case.assert_picks("tailor_picks", &picks);

        let labels = case.sets("y_pool");
        let seen = picks.iter().map(|&pick| labels[pick as usize].as_slice());
        let before = Beliefs::new(rows(&case, "tailor_a0"), rows(&case, "tailor_b0"));
        let after = before.after(0.9, turns.iter().copied().zip(seen));
        let (a, b): (Vec<f64>, Vec<f64>) =
            (0..after.n_arms()).flat_map(|arm| after.of(arm)).unzip();
        case.assert_close("tailor_a1", &a);
        case.assert_close("tailor_b1", &b);
    }
}
