//! `TypiClust` against picks computed elsewhere, in numpy, and against the definition.

use alhost_golden::Case;
use alhost_plugin_api::testing::{StandIn, check_contract};

use super::*;

const NEEDS: [&str; 3] = [EMBEDDING, KMEANS, NEAREST];

/// A host with the vectors of a case: the pool first, then the labeled texts.
fn host(case: &Case) -> StandIn {
    let (n, m) = (case.rows("emb") as u32, case.rows("emb_labeled") as u32);
    let vectors = [case.f32s("emb"), case.f32s("emb_labeled")].concat();
    let labeled: Vec<(u32, &[u32])> = (n..n + m).map(|id| (id, &[][..])).collect();
    StandIn::new((n + m) as usize, 2).vectors(vectors, case.cols("emb")).labeled(&labeled)
}

#[test]
fn golden_picks() {
    for case in alhost_golden::all() {
        let (host, emb) = (host(&case), case.f32s("emb"));
        let rows = UnitRows::new(Matrix::new(&emb, case.rows("emb"), case.cols("emb")));
        let n = case.whole("k").min(rows.len());
        let clusters = case.u32s("typiclust_clusters");
        let selection = pick(&host.context(), &rows, &clusters, n, 20).unwrap();
        let picks: Vec<u32> = selection.ids.iter().map(|id| id.0).collect();
        case.assert_picks("typiclust_picks", &picks);
    }
}

/// All distances between all free rows, sorted.
fn naive(rows: &UnitRows<'_>, free: &[usize], neighbors: usize) -> (usize, f64) {
    let q = neighbors.min(free.len() / 2);
    let mut best = (0, f64::NEG_INFINITY);
    for (place, &row) in free.iter().enumerate() {
        let others = free.iter().filter(|&&other| other != row);
        let mut squares: Vec<f64> =
            others.map(|&other| rows.squared_distance(row, rows, other)).collect();
        squares.sort_by(f64::total_cmp);
        let mean = squares[..q].iter().sum::<f64>() / q.max(1) as f64;
        if 1.0 / (mean + 1e-5) > best.1 {
            best = (place, 1.0 / (mean + 1e-5));
        }
    }
    best
}

#[test]
fn the_most_typical_is_that_of_the_definition() {
    let host = StandIn::new(60, 4);
    let ctx = host.context();
    let vectors = embeddings(&ctx, ctx.pool(), Encoder::Pretrained, Pool::Mean).unwrap();
    let rows = UnitRows::new(vectors);
    for (first, step, neighbors) in [(0, 1, 20), (3, 2, 4), (5, 7, 1), (1, 30, 3), (7, 60, 9)] {
        let free: Vec<usize> = (first..60).step_by(step).collect();
        let got = most_typical(&ctx, &rows, &free, neighbors).unwrap();
        let expected = naive(&rows, &free, neighbors);
        assert_eq!(got.0, expected.0, "{free:?}");
        assert!((got.1 - expected.1).abs() <= 1e-9 * expected.1, "{got:?}, {expected:?}");
    }
}

/// Each other's nearest: the first is taken.
#[test]
fn of_two_neighbors_the_first_is_taken() {
    let host = StandIn::new(1, 1);
    let data = [1.0, 0.3, 0.2, 0.9, 0.8, 0.1, 0.7, 0.25, 0.31];
    let rows = UnitRows::new(Matrix::new(&data, 3, 3));
    for free in [[0, 2], [2, 0], [1, 2], [2, 1]] {
        assert_eq!(most_typical(&host.context(), &rows, &free, 20).unwrap().0, 0, "{free:?}");
    }
}

#[test]
fn copies_are_most_typical_of_all() {
    let host = StandIn::new(1, 1);
    let data = [1.0, 0.0, 0.6, 0.8, 3.0, 4.0, 0.3, 0.4, 0.0, 1.0];
    let rows = UnitRows::new(Matrix::new(&data, 5, 2));
    let best = most_typical(&host.context(), &rows, &[0, 1, 2, 3, 4], 20).unwrap();
    assert_eq!(best.0, 1);
    assert!((best.1 - 1e5).abs() < 1e-3, "{best:?}");
}

#[test]
fn it_chooses_an_initial_set() {
    let host = StandIn::new(50, 3).untrained().needs(&NEEDS);
    assert_eq!(host.select::<Typiclust>("{}", 7).unwrap().ids.len(), 7);
}

#[test]
fn it_keeps_the_contract() {
    for params in
        ["{}", r#"{"max_clusters": 3, "neighbors": 2}"#, r#"{"encoder": "current", "pool": "cls"}"#]
    {
        check_contract::<Typiclust>(params, &NEEDS, true);
    }
}

#[test]
fn a_vector_that_is_none_is_told() {
    let host = StandIn::new(3, 1).vectors(vec![0.0, 1.0, f32::NAN], 1);
    let error = host.select::<Typiclust>("{}", 2).unwrap_err();
    assert!(error.message().starts_with("embeddings of text 2 are not all finite"), "{error}");
}
