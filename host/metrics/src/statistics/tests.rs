//! Golden values of scipy and scikit-learn, brute force, properties, and the corners.

use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn fixture(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/statistics");
    serde_json::from_str(&fs_err::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn cases(name: &str) -> Vec<Value> {
    fixture(name)["cases"].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Checks that numbers agree to 1e-9, of the size of the golden one where that is above 1.
#[track_caller]
fn close(ours: f64, golden: &Value, of: &Value) {
    let golden = golden.as_f64().unwrap();
    assert!((ours - golden).abs() <= 1e-9 * golden.abs().max(1.0), "{ours} != {golden} in {of}");
}

#[test]
fn t_tests_are_those_of_scipy() {
    for case in cases("t_tests.json") {
        let (a, b) = (numbers(&case["a"]), numbers(&case["b"]));
        if let Some(golden) = case.get("paired") {
            let ours = paired_t(&a, &b).unwrap();
            for (ours, key) in
                [(ours.t, "t"), (ours.p, "p"), (ours.low, "low"), (ours.high, "high")]
            {
                close(ours, &golden[key], &case);
            }
        }
        let (ours, golden) = (student_t(&a, &b).unwrap(), &case["student"]);
        close(ours.t, &golden["t"], &case);
        close(ours.p, &golden["p"], &case);
        let (ours, golden) = (welch_t(&a, &b).unwrap(), &case["welch"]);
        close(ours.t, &golden["t"], &case);
        close(ours.p, &golden["p"], &case);
        close(ours.df, &golden["df"], &case);
    }
}

#[test]
fn t_tests_of_too_few_or_equal_values() {
    assert_eq!(paired_t(&[0.5], &[0.4]), None);
    assert_eq!(student_t(&[0.5], &[0.4, 0.5]), None);
    assert_eq!(welch_t(&[0.5, 0.6], &[]), None);
    let same = paired_t(&[0.5, 0.6], &[0.5, 0.6]).unwrap();
    assert_eq!((same.t, same.p, same.low, same.high), (0.0, 1.0, 0.0, 0.0));
    let shifted = paired_t(&[1.5, 2.5], &[1.0, 2.0]).unwrap();
    assert_eq!((shifted.t, shifted.p), (f64::INFINITY, 0.0));
    let same = welch_t(&[1.0, 1.0], &[1.0, 1.0]).unwrap();
    assert_eq!((same.t, same.p), (0.0, 1.0));
}

#[test]
fn wilcoxon_is_that_of_scipy() {
    for case in cases("wilcoxon.json") {
        let ours = wilcoxon(&numbers(&case["differences"])).unwrap();
        close(ours.statistic, &case["statistic"], &case);
        close(ours.p, &case["p"], &case);
    }
    assert_eq!(wilcoxon(&[]), None);
}

#[test]
fn few_seeds_cannot_reach_a_small_p() {
    for n in 1..8 {
        let all_one_way: Vec<f64> = (1..=n).map(|i| i as f64).collect();
        let p = wilcoxon(&all_one_way).unwrap().p;
        assert!((p - smallest_wilcoxon_p(n)).abs() < 1e-15, "{n}: {p}");
    }
    assert!((smallest_wilcoxon_p(3) - 0.25).abs() < 1e-15);
    assert_eq!(seeds_for_wilcoxon(0.05, 1), 6);
    assert_eq!(seeds_for_wilcoxon(0.05, 4), 8);
}

#[test]
fn holm_is_as_defined() {
    for case in cases("holm.json") {
        let ours = holm(&numbers(&case["p"]));
        for (ours, golden) in ours.iter().zip(case["adjusted"].as_array().unwrap()) {
            close(*ours, golden, &case);
        }
    }
    assert!(holm(&[]).is_empty());
}

#[test]
fn friedman_is_that_of_scipy() {
    for case in cases("friedman.json") {
        let blocks: Vec<Vec<f64>> =
            case["blocks"].as_array().unwrap().iter().map(numbers).collect();
        let ours = friedman(&blocks).unwrap();
        close(ours.statistic, &case["statistic"], &case);
        close(ours.p, &case["p"], &case);
        for (ours, golden) in ours.mean_ranks.iter().zip(case["mean_ranks"].as_array().unwrap()) {
            close(*ours, golden, &case);
        }
        assert_eq!(ours.f.is_some(), case.get("f").is_some(), "{case}");
        if let Some(corrected) = ours.f {
            close(corrected.f, &case["f"], &case);
            close(corrected.p, &case["f_p"], &case);
        }
    }
    assert_eq!(friedman(&[vec![1.0, 2.0], vec![1.0, 2.0]]), None);
    assert_eq!(friedman(&[vec![1.0, 2.0, 3.0]]), None);
    let all_equal = friedman(&[vec![1.0; 3], vec![2.0; 3]]).unwrap();
    assert_eq!((all_equal.statistic, all_equal.p), (0.0, 1.0));
}

#[test]
fn critical_differences_are_those_of_the_studentized_range() {
    for case in cases("studentized_range.json") {
        let k = case["k"].as_u64().unwrap() as usize;
        let alpha = case["alpha"].as_f64().unwrap();
        // q / √2 · √(k(k+1) / 6n)
        let factor = (k as f64 * (k as f64 + 1.0) / 12.0).sqrt();
        close(critical_difference(alpha, k, 1) / factor, &case["q"], &case);
    }
    // Demšar 2006, table 5: 2.850 for six; with seven data sets the root is 1.
    assert!((critical_difference(0.05, 6, 7) - 2.850).abs() < 5e-4);
}

/// The worked example of Demšar 2006: four trees on fourteen data sets, and his mean ranks.
#[test]
fn mean_ranks_are_compared_as_in_demsars_example() {
    let near = |ours: f64, printed: f64, digit: f64| {
        assert!((ours - printed).abs() <= digit / 2.0 + 1e-12, "{ours}, not {printed}");
    };
    let corrected = ranks::iman_davenport(9.28, 4, 14).unwrap();
    near(corrected.f, 3.69, 0.01);
    // F of 2.85 is where p is .05, with 3 and 39 degrees of freedom.
    near(distributions::f_tail(2.85, 3.0, 39.0), 0.05, 0.001);
    near(critical_difference(0.05, 4, 14), 1.25, 0.01);
    let control = 3.143;
    let p = [1.964, 2.000, 2.893].map(|rank| rank_difference_p(control - rank, 4, 14));
    // He goes on from a rounded z.
    for (ours, printed) in p.into_iter().zip([0.016, 0.019, 0.607]) {
        near(ours, printed, 0.004);
    }
    // Holm rejects the first two of them.
    let told: Vec<bool> = holm(&p).into_iter().map(|p| p < 0.05).collect();
    assert_eq!(told, [true, true, false]);
    // By scipy: 2 norm.sf(6 / √(22 · 23 / 90)).
    assert!((rank_difference_p(-6.0, 22, 15) - 0.011_391_729_173_522).abs() < 1e-12);
}

#[test]
fn quantiles_and_power_are_those_of_scipy() {
    for case in cases("t_quantiles.json") {
        let (p, df) = (case["p"].as_f64().unwrap(), case["df"].as_f64().unwrap());
        close(t_quantile(p, df), &case["t"], &case);
    }
    let fixture = fixture("power.json");
    let of = |key: &str| fixture[key].as_array().unwrap().clone();
    let n = |case: &Value| case["n"].as_u64().unwrap() as usize;
    let effect = |case: &Value| case["effect"].as_f64().unwrap();
    for case in of("power") {
        close(paired_power(effect(&case), n(&case), 0.05), &case["power"], &case);
    }
    for case in of("detectable") {
        close(detectable_effect(n(&case), 0.05, 0.8).unwrap(), &case["effect"], &case);
    }
    for case in of("needed") {
        assert_eq!(seeds_needed(effect(&case), 0.05, 0.8), Some(n(&case)), "{case}");
    }
    assert_eq!(detectable_effect(1, 0.05, 0.8), None);
    assert_eq!(seeds_needed(0.001, 0.05, 0.8), None);
    assert_eq!(seeds_needed(f64::INFINITY, 0.05, 0.8), Some(2));
}

#[test]
fn summaries_are_those_of_numpy_and_scipy() {
    for case in cases("summary.json") {
        let ours = summary(&numbers(&case["values"])).unwrap();
        for (ours, key) in [(ours.mean, "mean"), (ours.min, "min"), (ours.max, "max")] {
            close(ours, &case[key], &case);
        }
        assert_eq!(ours.spread.is_some(), case.get("sd").is_some());
        if let Some(spread) = ours.spread {
            for (ours, key) in [(spread.sd, "sd"), (spread.low, "low"), (spread.high, "high")] {
                close(ours, &case[key], &case);
            }
        }
    }
    assert_eq!(summary(&[]), None);
}

#[test]
fn areas_are_those_of_scikit_learn() {
    for case in cases("area.json") {
        let ours = area(&numbers(&case["labeled"]), &numbers(&case["scores"])).unwrap();
        close(ours, &case["normalized"], &case);
    }
    assert_eq!(area(&[100.0], &[0.5]), None);
    assert_eq!(area(&[], &[]), None);
}

#[test]
fn a_target_is_reached_between_two_rounds() {
    let check = |scores: &[f64], target: f64, expected: Option<f64>| {
        let ours = labels_to_reach(&[100.0, 200.0, 400.0], scores, target);
        let same = match (ours, expected) {
            (Some(ours), Some(expected)) => (ours - expected).abs() < 1e-9,
            (ours, expected) => ours == expected,
        };
        assert!(same, "{ours:?} != {expected:?}");
    };
    check(&[0.2, 0.4, 0.6], 0.3, Some(150.0));
    check(&[0.2, 0.4, 0.6], 0.6, Some(400.0));
    check(&[0.2, 0.4, 0.6], 0.1, Some(100.0));
    check(&[0.2, 0.4, 0.6], 0.7, None);
    // The first time counts, even if the curve falls again.
    check(&[0.2, 0.4, 0.3], 0.35, Some(175.0));
}

fn values(n: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-20_i32..20).prop_map(|x| f64::from(x) / 4.0), n)
}

proptest! {
    /// All 2^n signs, counted.
    #[test]
    fn exact_wilcoxon_is_the_share_of_signs_as_extreme(differences in values(7)) {
        let kept: Vec<f64> = differences.iter().copied().filter(|d| d.abs() > 0.0).collect();
        let sizes: Vec<f64> = kept.iter().map(|d| -d.abs()).collect();
        let ranks = ranks(&sizes);
        let sum = |signs: u32| -> f64 {
            ranks.iter().enumerate().filter(|(i, _)| signs >> i & 1 == 1).map(|(_, r)| r).sum()
        };
        let bits = kept.iter().enumerate().map(|(i, d)| u32::from(*d > 0.0) << i).sum();
        let (seen, all) = (sum(bits), 1_u32 << kept.len());
        let tail = |extreme: &dyn Fn(f64) -> bool| {
            (0..all).filter(|&signs| extreme(sum(signs))).count() as f64 / f64::from(all)
        };
        let p = (2.0 * tail(&|s| s <= seen).min(tail(&|s| s >= seen))).min(1.0);
        prop_assert!((wilcoxon(&differences).unwrap().p - p).abs() < 1e-12);
    }

    #[test]
    fn swapping_the_two_sides_changes_signs_only(a in values(6), b in values(6)) {
        let (ab, ba) = (paired_t(&a, &b).unwrap(), paired_t(&b, &a).unwrap());
        prop_assert!((ab.mean + ba.mean).abs() < 1e-12 && (ab.p - ba.p).abs() < 1e-12);
        prop_assert!((0.0..=1.0).contains(&ab.p) && ab.low <= ab.mean && ab.mean <= ab.high);
        prop_assert!((student_t(&a, &b).unwrap().p - student_t(&b, &a).unwrap().p).abs() < 1e-12);
        // The interval leaves 0 out exactly where p is below .05.
        prop_assert_eq!(ab.p < 0.05, ab.low > 0.0 || ab.high < 0.0);
    }

    #[test]
    fn holm_never_makes_p_smaller_and_keeps_the_order(p in prop::collection::vec(0.0_f64..1.0, 1..9)) {
        let adjusted = holm(&p);
        for i in 0..p.len() {
            prop_assert!(adjusted[i] >= p[i] && adjusted[i] <= 1.0);
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
            }
        }
    }

    #[test]
    fn ranks_add_up(values in values(9)) {
        prop_assert!((ranks(&values).iter().sum::<f64>() - 45.0).abs() < 1e-12);
    }

    #[test]
    fn an_area_lies_between_the_lowest_and_the_highest_score(scores in values(8), target in -5.0_f64..5.0) {
        let labeled: Vec<f64> = (1..=8).map(|i| f64::from(i * i)).collect();
        let summary = summary(&scores).unwrap();
        let area = area(&labeled, &scores).unwrap();
        prop_assert!(summary.min - 1e-12 <= area && area <= summary.max + 1e-12);
        let reached = labels_to_reach(&labeled, &scores, target);
        prop_assert_eq!(reached.is_some(), summary.max >= target);
    }
}
