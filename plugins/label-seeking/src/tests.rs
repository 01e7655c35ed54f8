//! Picks against golden values and against a greedy choice that looks at every text for each pick.

use alhost_golden::Case;
use alhost_plugin_api::testing::{StandIn, check_contract};
use alhost_plugin_kit::ranking::best_free;
use proptest::prelude::*;

use super::*;

const UNSEEN: [(&str, Unseen); 2] = [("seek", Unseen::Zero), ("seek_one", Unseen::One)];

/// The labeled texts of each label.
fn counts(case: &Case) -> Vec<u32> {
    let mut counts = vec![0; case.cols("proba")];
    for label in case.sets("y_labeled").into_iter().flatten() {
        counts[label as usize] += 1;
    }
    counts
}

fn picks(mut seeking: Seeking<'_>, k: usize) -> (Vec<u32>, Vec<f64>) {
    std::iter::from_fn(|| seeking.pick()).take(k).unzip()
}

#[test]
fn golden_picks_and_their_worth() {
    for case in alhost_golden::all() {
        let proba = case.f32s("proba");
        let probabilities = Matrix::new(&proba, case.rows("proba"), case.cols("proba"));
        for (name, unseen) in UNSEEN {
            let seeking = Seeking::new(probabilities, &counts(&case), unseen);
            let (picks, worth) = picks(seeking, case.whole("k"));
            case.assert_picks(&format!("{name}_picks"), &picks);
            case.assert_close(&format!("{name}_gain"), &worth);
        }
    }
}

/// The scores before the first pick: each text alone in a pool.
#[test]
fn golden_scores_of_all_texts() {
    for case in alhost_golden::all() {
        let (proba, cols) = (case.f32s("proba"), case.cols("proba"));
        for (name, unseen) in UNSEEN {
            let alone = |row: &[f32]| {
                let mut seeking = Seeking::new(Matrix::new(row, 1, cols), &counts(&case), unseen);
                seeking.pick().unwrap().1
            };
            let scores: Vec<f64> = proba.chunks(cols).map(alone).collect();
            case.assert_close(&format!("{name}_score"), &scores);
        }
    }
}

/// Looks at every text for each pick.
fn plain(rows: &[Vec<f32>], counts: &[u32], unseen: Unseen) -> Vec<u32> {
    let mut examples: Vec<f64> = counts.iter().map(|&count| f64::from(count)).collect();
    let mut is_taken = vec![false; rows.len()];
    let mut picks = Vec::new();
    let v = |examples: f64, count: u32| {
        if count > 0 || unseen == Unseen::One { 1.0 / examples.max(1.0) } else { 0.0 }
    };
    loop {
        let worth = |row: &Vec<f32>| {
            let labels = row.iter().zip(&examples).zip(counts);
            labels.map(|((&p, &e), &count)| f64::from(p) * v(e, count)).sum()
        };
        let scores: Vec<f64> = rows.iter().map(worth).collect();
        let Some(best) = best_free(&scores, &is_taken) else { return picks };
        is_taken[best] = true;
        picks.push(best as u32);
        for (examples, &p) in examples.iter_mut().zip(&rows[best]) {
            *examples += f64::from(p);
        }
    }
}

proptest! {
    /// Steps of a quarter make many ties, three labels make sums of any order equal.
    #[test]
    fn looking_again_only_where_it_matters_changes_nothing(
        steps in prop::collection::vec([0_u8..5, 0_u8..5, 0_u8..5], 1..30),
        counts in [0_u32..4, 0_u32..4, 0_u32..4],
    ) {
        let row = |steps: &[u8; 3]| steps.map(|step| f32::from(step) / 4.0).to_vec();
        let rows: Vec<Vec<f32>> = steps.iter().map(row).collect();
        let data = rows.concat();
        for (_, unseen) in UNSEEN {
            let seeking = Seeking::new(Matrix::new(&data, rows.len(), 3), &counts, unseen);
            let (got, worth) = picks(seeking, rows.len());
            prop_assert_eq!(got, plain(&rows, &counts, unseen));
            prop_assert!(worth.is_sorted_by(|a, b| a >= b), "worth rises: {:?}", worth);
        }
    }
}

#[test]
fn it_keeps_the_contract() {
    for unseen in ["zero", "one"] {
        let params = format!(r#"{{"unseen": "{unseen}"}}"#);
        check_contract::<LabelSeeking>(&params, &[PROBABILITIES], false);
    }
}

/// Label 0 has four labeled texts, label 1 has one, label 2 none. A logit of 9 is a probability of 0.9999.
fn host() -> StandIn {
    let texts: [[f32; 3]; 8] = [
        [9.0, -9.0, -9.0],
        [-9.0, 9.0, -9.0],
        [-9.0, 8.0, -9.0],
        [-9.0, -9.0, 9.0],
        [0.0; 3],
        [0.0; 3],
        [0.0; 3],
        [0.0; 3],
    ];
    let labeled: [(u32, &[u32]); 4] = [(4, &[0, 1]), (5, &[0]), (6, &[0]), (7, &[0])];
    StandIn::new(8, 3).labeled(&labeled).logits(texts.concat())
}

#[test]
fn rare_labels_come_first_and_count_as_seen_once_picked() {
    let order = |params: &str| {
        let selection = host().select::<LabelSeeking>(params, 4).unwrap();
        selection.ids.iter().map(|id| id.0).collect::<Vec<_>>()
    };
    // Text 2 is worth a half once text 1 is picked, still more than text 0 of the common label.
    assert_eq!(order("{}"), [1, 2, 0, 3]);
    // A label never seen is worth as much as one seen once.
    assert_eq!(order(r#"{"unseen": "one"}"#), [1, 3, 2, 0]);
}

#[test]
fn what_is_missing_or_broken_is_told() {
    let message =
        |host: StandIn| host.select::<LabelSeeking>("{}", 1).unwrap_err().message().to_owned();
    assert!(message(StandIn::new(5, 3)).starts_with("no text is labeled yet, and label-seeking"));
    let broken = host().logits(vec![f32::NAN; 24]);
    assert!(message(broken).starts_with("probabilities of text 0 are not"));
    assert_eq!(message(host().cancelled()), "cancelled");
}
