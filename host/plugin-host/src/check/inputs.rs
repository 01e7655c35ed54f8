//! Cases about strange inputs: what real models and real texts can give, and strategies forget.

use alhost_plugin_api::testing::StandIn;
use alhost_plugin_api::{DocId, Selection};

use super::contract::{sound, sound_or_error};
use super::hosts::{self, N_LABELS, N_TEXTS};
use super::subject::{Subject, is_panic};
use super::verdict::{Checked, Problem, demand};

const WIDTH: usize = 6;
/// Sampled positions of a text, and the losses there.
type Losses = Vec<(u32, f32)>;

/// The ordinary host with these values everywhere: logits, vectors and losses.
fn filled(seed: u64, mut value: impl FnMut(usize) -> f32) -> StandIn {
    let logits = (0..N_TEXTS * N_LABELS).map(&mut value).collect();
    let vectors = (0..N_TEXTS * WIDTH).map(&mut value).collect();
    let losses: Vec<Vec<(u32, f32)>> = (0..N_TEXTS)
        .map(|text| vec![(1, value(text)), (2 + text as u32 % 9, value(text))])
        .collect();
    hosts::ordinary(seed).logits(logits).vectors(vectors, WIDTH).surprisal(&losses)
}

pub(super) fn one_class(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let ids = hosts::first_labeled();
    let only = |n_labels: usize, label: u32| {
        let labels = [label];
        let pairs: Vec<(u32, &[u32])> = ids.iter().map(|&id| (id, &labels[..])).collect();
        StandIn::new(N_TEXTS, n_labels).labeled(&pairs).seed(subject.seed as u8).quick()
    };
    for (n_labels, label) in [(1, 0), (N_LABELS, 3)] {
        let mut instance = subject.instance_for(&library, N_TEXTS, n_labels)?;
        let when = format!("{n_labels} labels, of which all labeled texts have number {label}");
        sound(&mut instance, &only(n_labels, label), 10, &when)?;
    }
    Ok(())
}

pub(super) fn nan_inf(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let strange = [
        ("NaN", f32::NAN),
        ("infinite", f32::INFINITY),
        ("minus infinite", f32::NEG_INFINITY),
        ("denormal", f32::MIN_POSITIVE / 8.0),
    ];
    for (name, x) in strange {
        for (which, every) in [("all", 1), ("some", 5)] {
            let usual = |i: usize| (i as f32 * 0.7).sin();
            let host = || filled(subject.seed, |i| if i % every == 0 { x } else { usual(i) });
            let when = format!("{which} values {name}");
            let answer = |host: &StandIn| match subject.instance(&library)?.select(host, 10) {
                // NaN scores are no answer, but the host says so; here only the choice counts.
                Ok(Selection { ids, .. }) => {
                    let ranked = Selection::ranked(ids);
                    let breach = super::contract::breaches(&ranked, host, 10).into_iter().next();
                    match breach {
                        None => Ok(Some(ranked)),
                        Some((_, what)) => Err(Problem::Fail(format!("{when}: {what}"))),
                    }
                }
                Err(error) if is_panic(&error) => Err(Problem::Fail(format!("{when}: {error}"))),
                Err(_) => Ok(None),
            };
            let (first, second) = (answer(&host())?, answer(&host())?);
            demand(first == second, || format!("{when}: another answer the second time"))?;
        }
    }
    Ok(())
}

pub(super) fn not_normalised(subject: &Subject) -> Checked {
    let library = subject.library()?;
    // In multi-label data a text may have all labels, or none.
    for (when, logit) in [("all probabilities 1", 40.0), ("all probabilities 0", -90.0)] {
        let host = filled(subject.seed, |i| logit + (i % 7) as f32 * 0.01);
        sound(&mut subject.instance(&library)?, &host, 10, when)?;
    }
    Ok(())
}

pub(super) fn constant(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let host = || {
        filled(subject.seed, |_| 0.5)
            .texts(vec!["the same text".to_owned(); N_TEXTS])
            .word_pieces(vec![[3, 4, 0]; N_TEXTS])
            .surprisal(&vec![vec![(1, 0.5), (2, 0.5)]; N_TEXTS])
    };
    let answer = || sound(&mut subject.instance(&library)?, &host(), 10, "all texts alike");
    let (first, second) = (answer()?, answer()?);
    demand(first.ids == second.ids, || "all texts alike: ties are broken by chance".to_owned())
}

pub(super) fn degenerate_text(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let long = "word ".repeat(100_000);
    // Text, counts of words, pieces and unknown pieces, sampled positions and losses.
    let strange: [(&str, [u32; 3], Losses); 8] = [
        ("", [0, 0, 0], Vec::new()),
        (" \t\n", [0, 0, 0], Vec::new()),
        ("a", [1, 1, 0], vec![(1, 0.0)]),
        (&long, [100_000, 100_000, 0], vec![(1, 1.0), (500, 2.0)]),
        ("\u{fffd}\u{200d}\u{0}\u{202e}", [1, 4, 4], vec![(1, 9.0)]),
        ("\u{1f469}\u{200d}\u{1f680}e\u{301}", [2, 2, 2], vec![(1, 9.0)]),
        ("\u{4e2d}\u{6587}", [2, 2, 0], vec![(2, 3.0)]),
        ("the same again", [3, 3, 0], vec![(1, 1.0), (2, 1.0)]),
    ];
    let of = |text: usize| &strange[text % strange.len()];
    let texts = (0..N_TEXTS).map(|text| of(text).0.to_owned()).collect();
    let counts = (0..N_TEXTS).map(|text| of(text).1).collect();
    let losses: Vec<Losses> = (0..N_TEXTS).map(|text| of(text).2.clone()).collect();
    let host = hosts::ordinary(subject.seed).texts(texts).word_pieces(counts).surprisal(&losses);
    for n in [10, 90] {
        sound(&mut subject.instance(&library)?, &host, n, "empty, long, odd and equal texts")?;
    }
    Ok(())
}

pub(super) fn unlabeled_docs(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let ids = hosts::first_labeled();
    for (when, every) in [("labeled texts that carry no label", 2), ("no label anywhere", 1)] {
        let labels = |i: usize| if i.is_multiple_of(every) { &[][..] } else { &[1, 4][..] };
        let pairs: Vec<(u32, &[u32])> =
            ids.iter().enumerate().map(|(i, &id)| (id, labels(i))).collect();
        let host = StandIn::new(N_TEXTS, N_LABELS).labeled(&pairs).seed(subject.seed as u8).quick();
        sound(&mut subject.instance(&library)?, &host, 10, when)?;
    }
    Ok(())
}

pub(super) fn permutation(subject: &Subject) -> Checked {
    let library = subject.library()?;
    if library.manifest.stochastic {
        let why = "its answer may differ with the seed, so it may with the order of the texts";
        return Err(Problem::Skip(why.to_owned()));
    }
    let mut places: Vec<u32> = (0..N_TEXTS as u32).collect();
    hosts::rng(subject.seed, "permutation").shuffle(&mut places);
    let same: Vec<u32> = (0..N_TEXTS as u32).collect();
    let (host, other) = (renumbered(subject.seed, &same), renumbered(subject.seed, &places));
    let answer = |host| sound(&mut subject.instance(&library)?, host, 10, "texts in order");
    let (expected, got) = (answer(&host)?, answer(&other)?);
    let expected = Selection {
        ids: expected.ids.iter().map(|id| DocId(places[id.0 as usize])).collect(),
        scores: expected.scores,
    };
    let (missing, extra) = (untied(&expected, &got), untied(&got, &expected));
    demand(missing.is_empty() && extra.is_empty(), || {
        format!("texts renumbered: instead of {missing:?} it selects {extra:?}")
    })
}

/// Lists what `one` has selected and `other` has not, but for texts of the lowest score selected,
/// which may be tied with some that were not.
fn untied(one: &Selection, other: &Selection) -> Vec<u32> {
    let last = one.scores.as_ref().and_then(|scores| scores.last().copied());
    let is_tied = |i: usize| match (&one.scores, last) {
        (Some(scores), Some(last)) => (scores[i] - last).abs() <= 1e-9 * last.abs(),
        _ => false,
    };
    let differing =
        one.ids.iter().enumerate().filter(|(i, id)| !other.ids.contains(id) && !is_tied(*i));
    differing.map(|(_, id)| id.0).collect()
}

/// The same texts and values, text `i` under the id `places[i]`; no two texts alike.
fn renumbered(seed: u64, places: &[u32]) -> StandIn {
    let mut rng = hosts::rng(seed, "renumbered");
    let mut logits = vec![0.0; N_TEXTS * N_LABELS];
    let mut vectors = vec![0.0; N_TEXTS * WIDTH];
    let (mut counts, mut losses) = (vec![[0; 3]; N_TEXTS], vec![Vec::new(); N_TEXTS]);
    let mut texts = vec![String::new(); N_TEXTS];
    for (text, &place) in places.iter().enumerate() {
        let place = place as usize;
        logits[place * N_LABELS..][..N_LABELS].fill_with(|| (rng.normal() * 2.0 - 1.0) as f32);
        vectors[place * WIDTH..][..WIDTH].fill_with(|| rng.normal() as f32);
        counts[place] = [997, 997 + 3 * text as u32, 0];
        losses[place] = vec![(1, rng.f64() as f32), (2 + text as u32 % 5, rng.f64() as f32)];
        texts[place] = format!("text {}", rng.next_u64());
    }
    let ids: Vec<u32> = hosts::first_labeled().iter().map(|&id| places[id as usize]).collect();
    let labels: Vec<[u32; 2]> = (0..ids.len() as u32).map(|i| [i % 4, 4 + i % 3]).collect();
    let pairs: Vec<(u32, &[u32])> =
        ids.iter().zip(&labels).map(|(&id, labels)| (id, &labels[..])).collect();
    StandIn::new(N_TEXTS, N_LABELS)
        .labeled(&pairs)
        .logits(logits)
        .vectors(vectors, WIDTH)
        .word_pieces(counts)
        .surprisal(&losses)
        .texts(texts)
        .quick()
}

/// An error is an answer to a host in trouble; a panic is not.
pub(super) fn bears(subject: &Subject, host: &StandIn, when: &str) -> Checked {
    let library = subject.library()?;
    let mut instance = subject.instance(&library)?;
    sound_or_error(&mut instance, host, 10, when)?;
    // Whatever happened, the next query is an ordinary one.
    let after = format!("an ordinary query after {when}");
    sound(&mut instance, &hosts::ordinary(subject.seed), 10, &after).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_tied_with_the_last_one_may_differ() {
        let check = |scores: Option<Vec<f64>>, expected: &[u32]| {
            let one = Selection { ids: [1, 2, 3].map(DocId).to_vec(), scores };
            let other = Selection::ranked([1, 4, 5].map(DocId).to_vec());
            assert_eq!(untied(&one, &other), expected);
        };
        check(None, &[2, 3]);
        check(Some(vec![3.0, 2.0, 1.0]), &[2]);
        check(Some(vec![3.0, 1.0, 1.0]), &[]);
    }
}
