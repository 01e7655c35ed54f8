//! Tests of the pool.

use proptest::prelude::*;

use super::*;

fn ids(rows: &[u32]) -> Vec<DocId> {
    rows.iter().map(|&row| DocId(row)).collect()
}

fn claim(rows: &[u32]) -> Selection {
    Selection::ranked(ids(rows))
}

fn labels(selection: &ValidSelection, rows: &[&[u32]]) -> Vec<(DocId, Annotation)> {
    let rows = rows.iter().map(|row| Annotation::Labels(row.to_vec()));
    selection.ids().iter().copied().zip(rows).collect()
}

/// Six texts, of which 4 and 1 are labeled.
fn pool() -> Pool {
    let mut pool = Pool::new(6, 4);
    let selection = pool.select(&claim(&[4, 1]), 2).unwrap();
    let given = labels(&selection, &[&[3], &[0, 2]]);
    pool.annotate(&selection, given, 0).unwrap();
    pool
}

#[test]
fn what_was_filtered_out_cannot_be_selected() {
    let pool = pool();
    let among = ids(&[0, 3, 5]);
    let offer = Offer { pool: &pool, among: Some(&among) };
    assert!(offer.select(&claim(&[5, 0]), 2).is_ok());
    let refused = offer.select(&claim(&[5, 2]), 2);
    assert_eq!(refused, Err(SelectionError::NotOffered { id: DocId(2) }));
    assert!(Offer::whole(&pool).select(&claim(&[5, 2]), 2).is_ok());
}

#[test]
fn annotated_texts_keep_order_labels_and_round() {
    let mut pool = pool();
    let scored = Selection { ids: ids(&[5, 0]), scores: Some(vec![0.5, 0.1]) };
    let selection = pool.select(&scored, 2).unwrap();
    assert_eq!(selection.ids(), ids(&[5, 0]));
    assert_eq!(selection.scores(), Some(&[0.5, 0.1][..]));
    let given = labels(&selection, &[&[], &[1]]);
    pool.annotate(&selection, given, 1).unwrap();
    assert_eq!(pool.labeled(), ids(&[4, 1, 5, 0]));
    assert_eq!(pool.unlabeled(), ids(&[2, 3]));
    assert_eq!(pool.rounds(), [0, 0, 1, 1]);
    let rows: Vec<&[u32]> = pool.labels().rows().collect();
    assert_eq!(rows, [&[3][..], &[0, 2], &[], &[1]]);
}

#[test]
fn a_short_pool_is_taken_whole() {
    let pool = pool();
    assert_eq!(pool.select(&claim(&[0, 2, 3, 5]), 100).unwrap().ids().len(), 4);
    assert_eq!(Pool::new(0, 4).select(&claim(&[]), 100).unwrap().ids().len(), 0);
}

#[test]
fn each_wrong_answer_is_named() {
    let check = |rows: &[u32], scores: Option<&[f64]>, expected: &str| {
        let scores = scores.map(<[f64]>::to_vec);
        let error = pool().select(&Selection { ids: ids(rows), scores }, 2).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(&[0], None, "returned 1 ids where 2 were asked for");
    check(&[0, 2, 3], None, "returned 3 ids where 2 were asked for");
    check(&[3, 3], None, "returned text 3 twice");
    check(&[0, 1], None, "returned text 1, which is already labeled");
    check(&[0, 99], None, "returned id 99, but the pool has ids 0..=5");
    check(&[0, 2], Some(&[1.0]), "returned 1 scores for 2 ids");
    let nan = "returned the score NaN for text 2; a score must be finite";
    check(&[0, 2], Some(&[1.0, f64::NAN]), nan);
    let error = pool().select(&claim(&[0, 2, 3]), 100).unwrap_err();
    assert_eq!(error.to_string(), "returned 3 ids where 4 were asked for");
}

#[test]
#[should_panic(expected = "older state of the pool")]
fn a_selection_cannot_be_annotated_twice() {
    let mut pool = pool();
    let one = pool.select(&claim(&[0]), 1).unwrap();
    let same = pool.select(&claim(&[0]), 1).unwrap();
    pool.annotate(&one, labels(&one, &[&[1]]), 1).unwrap();
    pool.annotate(&same, labels(&same, &[&[1]]), 2).unwrap();
}

#[test]
fn each_wrong_answer_of_an_oracle_is_named_and_changes_nothing() {
    let check = |given: &[(u32, &[u32])], expected: &str| {
        let mut pool = pool();
        let selection = pool.select(&claim(&[5, 0]), 2).unwrap();
        let given = given.iter().map(|(id, row)| (DocId(*id), Annotation::Labels(row.to_vec())));
        let error = pool.annotate(&selection, given.collect(), 1).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!((pool.labeled().len(), pool.unlabeled().len()), (2, 4));
    };
    let not_asked = "the oracle answered for text 3, which it was not asked about";
    check(&[(5, &[0]), (3, &[1]), (0, &[])], not_asked);
    check(&[(5, &[0]), (0, &[1]), (5, &[0])], "the oracle answered twice for text 5");
    check(&[(5, &[0])], "the oracle gave no answer for text 0");
    let unknown = "the oracle gave text 5 the label 4, but there are 4 (0 to 3)";
    check(&[(5, &[4, 1]), (0, &[1])], unknown);
    check(&[(5, &[1, 0, 1]), (0, &[])], "the oracle gave text 5 the label 1 twice");
}

#[test]
fn skipped_texts_leave_the_pool_and_corrections_keep_the_order() {
    let mut pool = pool();
    let selection = pool.select(&claim(&[5, 0]), 2).unwrap();
    let given = vec![(DocId(0), Annotation::Labels(vec![2])), (DocId(5), Annotation::Skipped)];
    pool.annotate(&selection, given, 1).unwrap();
    assert_eq!(pool.labeled(), ids(&[4, 1, 0]));
    assert_eq!(pool.unlabeled(), ids(&[2, 3]));
    assert_eq!(pool.skipped().collect::<Vec<_>>(), ids(&[5]));
    assert!(pool.select(&claim(&[5, 2]), 2).is_err(), "a skipped text is not selected again");

    let given = vec![
        (DocId(5), Annotation::Labels(vec![1])),
        (DocId(4), Annotation::Skipped),
        (DocId(1), Annotation::Labels(vec![3])),
    ];
    pool.correct(given).unwrap();
    assert_eq!(pool.labeled(), ids(&[1, 5, 0]), "in the order of asking");
    assert_eq!(pool.rounds(), [0, 1, 1]);
    assert_eq!(pool.labels().rows().collect::<Vec<_>>(), [&[3][..], &[1], &[2]]);
    let unasked = pool.correct(vec![(DocId(2), Annotation::Skipped)]);
    assert_eq!(unasked, Err(AnswerError::NotAsked { id: DocId(2) }));
}

proptest! {
    /// Whatever is claimed, right or wrong, both sides together hold every text once, and only
    /// a valid claim changes anything.
    #[test]
    fn any_sequence_of_claims_keeps_the_partition(
        n_texts in 0_usize..30,
        claims in prop::collection::vec(
            (prop::collection::vec(0_u32..32, 0..6), 0_usize..6), 0..20),
    ) {
        let mut pool = Pool::new(n_texts, 32);
        for (round, (rows, n)) in claims.iter().enumerate() {
            let before = pool.labeled().len();
            let valid = pool.select(&claim(rows), *n);
            let mut expected = before;
            if let Ok(selection) = valid {
                prop_assert_eq!(rows.len(), (*n).min(n_texts - before));
                expected += rows.len();
                let given = rows.iter().map(|&row| (DocId(row), Annotation::Labels(vec![row])));
                pool.annotate(&selection, given.collect(), round as u32).unwrap();
            }
            prop_assert_eq!(pool.labeled().len(), expected);
            prop_assert!(pool.unlabeled().is_sorted());
            let mut all: Vec<u32> =
                pool.labeled().iter().chain(pool.unlabeled()).map(|id| id.0).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n_texts as u32).collect::<Vec<_>>());
            for (at, id) in pool.labeled().iter().enumerate() {
                prop_assert_eq!(pool.labels().row(at), &[id.0]);
            }
        }
    }
}
