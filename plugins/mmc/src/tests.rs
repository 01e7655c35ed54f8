//! Counts, regression and scores against golden values and against their definitions.

use alhost_golden::{Case, misc};
use alhost_plugin_api::testing::{StandIn, check_contract};
use alhost_plugin_kit::ranking::highest;
use ndarray::{Array2, Axis};

use super::*;

fn matrix<'a>(case: &Case, values: &'a [f32]) -> Matrix<'a> {
    Matrix::new(values, values.len() / case.cols("proba"), case.cols("proba"))
}

fn sizes(case: &Case) -> Vec<usize> {
    case.sets("y_labeled").iter().map(Vec::len).collect()
}

fn solved(inputs: Array2<f64>, class_of_text: &[usize], c: f64) -> regression::Solution {
    let mut regression = Regression::new(inputs, class_of_text.to_vec(), c);
    while !regression.step() {}
    regression.solution()
}

fn check_counts(case: &Case, how: &str, counts: &[usize]) {
    let proba = case.f32s("proba");
    let numbers: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    case.assert_within(&format!("mmc_count_{how}"), &numbers, 0.0);
    let losses = losses(matrix(case, &proba), counts);
    case.assert_close(&format!("mmc_{how}"), &losses);
    case.assert_picks(&format!("mmc_{how}_picks"), &highest(&losses, case.whole("k")));
}

#[test]
fn golden_counts_and_losses_from_the_probabilities_alone() {
    for case in alhost_golden::all() {
        let proba = case.f32s("proba");
        let pool = matrix(&case, &proba);
        check_counts(&case, "sum", &by_sum(pool));
        check_counts(&case, "threshold", &by_threshold(pool, case.number("threshold")));
    }
}

#[test]
fn golden_counts_and_losses_from_the_regression() {
    let mut n_fitted = 0;
    for case in alhost_golden::all() {
        let (proba, of_labeled) = (case.f32s("proba"), case.f32s("proba_labeled"));
        let (pool, labeled) = (matrix(&case, &proba), matrix(&case, &of_labeled));
        let classes = Classes::new(&sizes(&case));
        let numbers: Vec<f64> = classes.counts.iter().map(|&count| count as f64).collect();
        case.assert_within("mmc_classes", &numbers, 0.0);
        for (how, c) in [("c1", 1.0), ("c1000", 1000.0)] {
            let counts = match classes.counts.as_slice() {
                [] => by_sum(pool),
                [only] => vec![*only; pool.n_rows()],
                many => {
                    let solution = solved(inputs(labeled), &classes.of_texts, c);
                    let shares = solution.probabilities(&inputs(pool));
                    // 1e-9 where the inputs are those of the golden values, f32.
                    let tolerance = case.tolerance.max(1e-9);
                    let name = format!("mmc_class_proba_{how}");
                    case.assert_within(&name, &shares.into_raw_vec_and_offset().0, tolerance);
                    n_fitted += 1;
                    predict(pool, &solution, many)
                }
            };
            check_counts(&case, how, &counts);
        }
    }
    assert!(n_fitted >= 4, "{n_fitted}");
}

#[test]
fn golden_values_of_another_implementation() {
    let case = misc();
    let proba = case.f32s("proba");
    let pool = matrix(&case, &proba);
    let counts = by_sum(pool);
    let numbers: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    case.assert_within("mmc_count", &numbers, 0.0);
    case.assert_close("mmc", &losses(pool, &counts));
}

/// Where the gradient is zero, W = C sum (y - P) x, and the sums of P - y are zero. So probabilities must be the
/// softmax of what follows from themselves. Compared are differences between classes and texts, which no intercept changes.
#[test]
fn the_solution_is_where_the_gradient_is_zero() {
    let mut rng = Rng::stream(&[5; 32], "regression");
    for (n_texts, n_inputs, n_classes, c) in [(40, 3, 2, 1.0), (700, 5, 4, 30.0), (9, 20, 3, 1e5)] {
        let x = Array2::from_shape_fn((n_texts, n_inputs), |_| rng.f64());
        let any = |text: usize| if text < n_classes { text } else { rng.below(n_classes) };
        let classes: Vec<usize> = (0..n_texts).map(any).collect();
        let p = solved(x.clone(), &classes, c).probabilities(&x);
        let mut residuals = p.clone();
        classes.iter().enumerate().for_each(|(text, &class)| residuals[[text, class]] -= 1.0);
        let sums = residuals.sum_axis(Axis(0));
        assert!(sums.iter().all(|sum| sum.abs() < 1e-9), "{sums}");
        let scores = x.dot(&(residuals.t().dot(&x) * -c).t());
        for (text, class) in (1..n_texts).flat_map(|i| (1..n_classes).map(move |k| (i, k))) {
            let apart =
                |of: &Array2<f64>| of[[text, class]] - of[[text, 0]] - of[[0, class]] + of[[0, 0]];
            let (got, expected) = (apart(&p.mapv(f64::ln)), apart(&scores));
            assert!((got - expected).abs() < 1e-8 * c.max(1.0), "{got}, expected {expected}");
        }
    }
}

/// 700 texts are three partial sums.
#[test]
fn threads_change_no_bit() {
    let mut rng = Rng::stream(&[6; 32], "threads");
    let x = Array2::from_shape_fn((700, 5), |_| rng.f64());
    let classes: Vec<usize> = (0..700).map(|text| text % 3).collect();
    let bits = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let p = pool.install(|| solved(x.clone(), &classes, 30.0).probabilities(&x));
        p.mapv(f64::to_bits)
    };
    assert_eq!(bits(1), bits(3));
}

#[test]
fn the_loss_is_that_of_the_definition() {
    let definition = |p: &[f32], count: usize| {
        let mut order: Vec<usize> = (0..p.len()).collect();
        order.sort_by(|&a, &b| p[b].total_cmp(&p[a]).then(a.cmp(&b)));
        let term = |(rank, &label): (usize, &usize)| {
            let y = if rank < count { 1.0 } else { -1.0 };
            (1.0 - y * (2.0 * f64::from(p[label]) - 1.0)) / 2.0
        };
        order.iter().enumerate().map(term).sum::<f64>()
    };
    let p = [0.1, 0.9, 0.25, 0.25, 1.0, 0.0];
    for count in 0..=6 {
        let (got, expected) = (loss(&mut p.to_vec(), count), definition(&p, count));
        assert!((got - expected).abs() < 1e-12, "{count} labels: {got}, expected {expected}");
    }
    assert!(loss(&mut [], 0).abs() < 1e-300);
}

#[test]
fn halves_are_rounded_to_the_even_number() {
    let p = [0.5, 0.0, 0.0, 0.5, 1.0, 0.0, 0.5, 1.0, 1.0];
    assert_eq!(by_sum(Matrix::new(&p, 3, 3)), [0, 2, 2]);
}

#[test]
fn it_keeps_the_contract() {
    for count in ["regression", "sum", "threshold"] {
        let params = format!(r#"{{"count": "{count}"}}"#);
        check_contract::<Mmc>(&params, &[PROBABILITIES], false);
    }
    check_contract::<Mmc>(r#"{"c": 1000}"#, &[PROBABILITIES], false);
}

/// Two labels; probabilities 0.88 and 0.27, 0.73 and 0.62, 0.27 and 0.12.
fn host(labeled: &[(u32, &[u32])]) -> StandIn {
    let logits = vec![2.0, -1.0, 1.0, 0.5, -1.0, -2.0, 0.0, 0.0, 0.0, 0.0];
    StandIn::new(5, 2).labeled(labeled).logits(logits)
}

fn losses_of(host: &StandIn, params: &str) -> Vec<(u32, f64)> {
    let selection = host.select::<Mmc>(params, 3).unwrap();
    let scores = selection.scores.unwrap();
    // To two digits.
    let both = selection.ids.iter().zip(scores);
    both.map(|(id, score)| (id.0, (score * 100.0).round() / 100.0)).collect()
}

#[test]
fn each_way_of_counting_has_its_own_losses() {
    let host = || host(&[(3, &[0]), (4, &[1])]);
    // One label each, as all labeled texts have: 0.12 + 0.27, 0.27 + 0.62, 0.73 + 0.12.
    assert_eq!(losses_of(&host(), "{}"), [(1, 0.89), (2, 0.85), (0, 0.39)]);
    // None of the last text, whose probabilities sum up to 0.39: 0.27 + 0.12.
    assert_eq!(losses_of(&host(), r#"{"count": "sum"}"#), [(1, 0.89), (0, 0.39), (2, 0.39)]);
    // And both of the second: 0.27 + 0.38.
    let by_threshold = losses_of(&host(), r#"{"count": "threshold"}"#);
    assert_eq!(by_threshold, [(1, 0.65), (0, 0.39), (2, 0.39)]);
}

#[test]
fn without_labeled_texts_the_sum_counts() {
    let by_sum = losses_of(&host(&[]), r#"{"count": "sum"}"#);
    assert_eq!(losses_of(&host(&[]), "{}"), by_sum);
}

/// Certain texts with one label, and half as many doubtful ones with two: at a large C, which text has how many is
/// learnt; at a small one, that most have one.
#[test]
fn c_decides_how_much_is_learnt() {
    let is_doubtful = |id: u32| id % 3 == 1;
    let logits = |id: u32| if is_doubtful(id) { [2.0, 1.5] } else { [4.0, -4.0] };
    let labels = |id: u32| if is_doubtful(id) { &[0, 1][..] } else { &[0] };
    let labeled: Vec<(u32, &[u32])> = (2..40).map(|id| (id, labels(id))).collect();
    let host = StandIn::new(40, 2).labeled(&labeled).logits((0..40).flat_map(logits).collect());
    let largest = |c: f64| {
        let params = format!(r#"{{"c": {c}}}"#);
        host.select::<Mmc>(&params, 2).unwrap().scores.unwrap()[0]
    };
    // Text 1 has probabilities of 0.881 and 0.818: with two labels it loses 0.119 + 0.182.
    assert!((largest(1000.0) - 0.301_6).abs() < 1e-3, "{}", largest(1000.0));
    // With one it loses 0.119 + 0.818.
    assert!((largest(1e-6) - 0.936_8).abs() < 1e-3, "{}", largest(1e-6));
}

#[test]
fn what_is_missing_or_broken_is_told() {
    let message = |host: StandIn, params: &str| {
        host.select::<Mmc>(params, 1).unwrap_err().message().to_owned()
    };
    let untuned = host(&[(3, &[0])]).threshold(f32::NAN);
    assert!(message(untuned, r#"{"count": "threshold"}"#).starts_with("there is no threshold yet"));
    let mut logits = vec![0.0; 10];
    logits[2] = f32::NAN;
    let in_pool = || host(&[(3, &[0]), (4, &[])]).logits(logits.clone());
    assert!(message(in_pool(), "{}").starts_with("probabilities of text 1 are not"));
    let among_labeled = host(&[(1, &[0]), (4, &[])]).logits(logits.clone());
    assert!(message(among_labeled, "{}").starts_with("probabilities of text 1 are not"));
}
