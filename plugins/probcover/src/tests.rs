//! `ProbCover` against picks computed elsewhere, in numpy, and by hand.

use alhost_golden::Case;
use alhost_plugin_api::testing::{StandIn, check_contract};
use alhost_plugin_kit::rows::UnitRows;

use super::radius::{largest_pure, pure_radii};
use super::*;

const NEEDS: [&str; 4] = [EMBEDDING, KERNEL_GREEDY, KMEANS, NEAREST];

fn check(case: &Case, (emb, labeled): (&[f32], &[f32]), cols: usize, k: usize) {
    let host = StandIn::new(1, 1);
    let ctx = host.context();
    let unlabeled = Matrix::new(emb, emb.len() / cols, cols);
    let labeled = Matrix::new(labeled, labeled.len() / cols, cols);
    let found = cover(&ctx, unlabeled, labeled, k, case.number("probcover_delta")).unwrap();
    case.assert_picks("probcover_picks", found.picks);
    case.assert_close("probcover_coverage", &[found.coverage]);
}

#[test]
fn golden_picks_and_coverage() {
    for case in alhost_golden::all() {
        let (emb, labeled) = (case.f32s("emb"), case.f32s("emb_labeled"));
        check(&case, (&emb, &labeled), case.cols("emb"), case.whole("k"));
    }
    let misc = alhost_golden::misc();
    let (emb, cols) = (misc.f32s("emb"), misc.cols("emb"));
    check(&misc, emb.split_at(300 * cols), cols, misc.rows("probcover_picks"));
}

/// Unit vectors at these degrees.
fn directions(degrees: &[f32]) -> Vec<f32> {
    let radians = degrees.iter().map(|x| x.to_radians());
    radians.flat_map(|x| [x.cos(), x.sin()]).collect()
}

/// Two groups of directions, 90 degrees apart; within a group all are near.
#[test]
fn the_radius_keeps_groups_apart() {
    let group = |first: f32| (0..8).map(move |i| first + i as f32);
    let degrees: Vec<f32> = group(0.0).chain(group(97.0)).collect();
    let data = directions(&degrees);
    let (unlabeled, labeled) = (Matrix::new(&data[2..], 15, 2), Matrix::new(&data[..2], 1, 2));
    // Two clusters; from 7 to 97 degrees the distance is sqrt 2, so that all balls of 1.40 are pure.
    let host = StandIn::new(1, 1);
    let delta = largest_pure(&host.context(), unlabeled, labeled, 1, 0.95).unwrap();
    assert!((delta - 1.4).abs() < 1e-12, "{delta}");
    // A cluster each: a ball of 0.05 holds others.
    let delta = largest_pure(&host.context(), unlabeled, labeled, 15, 0.95).unwrap();
    assert!((delta - 0.05).abs() < 1e-12, "{delta}");
}

/// By the definition, ball by ball.
fn naive(rows: Matrix<'_>, clusters: &[u32], purity: f64) -> f64 {
    let unit = UnitRows::new(rows);
    let n = rows.n_rows();
    let is_pure = |i: usize, delta: f64| {
        (0..n).all(|j| {
            clusters[i] == clusters[j] || unit.squared_distance(i, &unit, j).sqrt() >= delta
        })
    };
    let tried = (1..=28).rev().map(|step| f64::from(step) * 0.05);
    let mut pure = tried.filter(|&delta| {
        let count = (0..n).filter(|&i| is_pure(i, delta)).count();
        count as f64 >= purity * n as f64
    });
    pure.next().unwrap_or(0.05)
}

#[test]
fn the_radius_is_that_of_the_definition() {
    let host = StandIn::new(150, 3);
    let ctx = host.context();
    let vectors = embeddings(&ctx, ctx.pool(), Encoder::Pretrained, Pool::Mean).unwrap();
    let mut radii = std::collections::BTreeSet::new();
    for n in [2, 3, 5, 9, 40] {
        for purity in [0.5, 0.8, 0.95] {
            let none = Matrix::new(&[], 0, vectors.n_cols());
            let delta = largest_pure(&ctx, vectors, none, n, purity).unwrap();
            let unit = UnitRows::new(vectors).to_f32();
            let unit = Matrix::new(&unit, 150, vectors.n_cols());
            let clusters = alhost_plugin_kit::clusters::labels(&ctx, unit, n).unwrap();
            assert!((delta - naive(unit, clusters, purity)).abs() < 1e-9, "{n}, {purity}: {delta}");
            radii.insert((delta * 100.0).round() as u32);
        }
    }
    assert!(radii.len() > 3, "too alike to tell anything: {radii:?}");
}

/// More rows of one cluster than are asked for at first.
#[test]
fn a_ball_of_many_texts_is_looked_through() {
    let degrees: Vec<f32> = (0..200).map(|i| i as f32 / 100.0).chain([30.0]).collect();
    let data = directions(&degrees);
    let rows = Matrix::new(&data, 201, 2);
    let clusters: Vec<u32> = (0..201).map(|i| u32::from(i == 200)).collect();
    let host = StandIn::new(1, 1);
    let radii = pure_radii(&host.context(), rows, &clusters, &[0, 199, 200]).unwrap();
    let chord = |degrees: f64| 2.0 * (degrees / 2.0).to_radians().sin();
    for (radius, expected) in radii.iter().zip([chord(30.0), chord(28.01), chord(28.01)]) {
        assert!((radius - expected).abs() < 1e-6, "{radii:?}");
    }
    let alone = pure_radii(&host.context(), rows, &[0; 201], &[5]).unwrap();
    assert_eq!(alone, [f64::INFINITY], "one cluster");
}

#[test]
fn it_chooses_an_initial_set() {
    let host = StandIn::new(50, 3).untrained().needs(&NEEDS);
    assert_eq!(host.select::<Probcover>("{}", 7).unwrap().ids.len(), 7);
    assert!(host.logged()[0].contains("% of texts are within"), "{:?}", host.logged());
}

#[test]
fn it_keeps_the_contract() {
    check_contract::<Probcover>("{}", &NEEDS, true);
    let given = r#"{"delta": 0.3, "encoder": "current", "pool": "cls"}"#;
    check_contract::<Probcover>(given, &[EMBEDDING, KERNEL_GREEDY], false);
}

#[test]
fn a_vector_that_is_none_is_told() {
    let host = StandIn::new(3, 1).vectors(vec![0.0, 1.0, f32::NEG_INFINITY], 1);
    let error = host.select::<Probcover>("{}", 2).unwrap_err();
    assert!(error.message().starts_with("embeddings of text 2 are not all finite"), "{error}");
}
