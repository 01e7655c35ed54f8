//! Checks that an answer of a strategy keeps what every answer owes the host.

use std::collections::HashSet;

use alhost_plugin_api::testing::StandIn;
use alhost_plugin_api::{DocId, Selection};

use super::subject::{Instance, is_panic};
use super::verdict::Problem;

/// Which promise an answer breaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Breach {
    Count,
    Outside,
    Twice,
    Scores,
}

/// Every promise that an answer breaks, each with what is wrong.
pub(super) fn breaches(selection: &Selection, host: &StandIn, n: usize) -> Vec<(Breach, String)> {
    let pool = host.context().pool().to_vec();
    let Selection { ids, scores } = selection;
    let mut breaches = Vec::new();
    let expected = n.min(pool.len());
    if ids.len() != expected {
        let (got, size) = (ids.len(), pool.len());
        let what = format!("{got} ids where {expected} were due (n = {n}, pool of {size})");
        breaches.push((Breach::Count, what));
    }
    if let Some(id) = ids.iter().find(|id| pool.binary_search(id).is_err()) {
        let n_texts = host.context().n_texts();
        let is_labeled = host.context().labeled().ids().contains(id);
        let what = if is_labeled {
            format!("text {} is already labeled", id.0)
        } else {
            format!("there is no text {}: ids are below {n_texts}", id.0)
        };
        breaches.push((Breach::Outside, what));
    }
    let mut seen = HashSet::new();
    if let Some(id) = ids.iter().find(|&&id| !seen.insert(id)) {
        breaches.push((Breach::Twice, format!("text {} was selected twice", id.0)));
    }
    breaches.extend(bad_scores(ids, scores.as_deref()).map(|what| (Breach::Scores, what)));
    breaches
}

fn bad_scores(ids: &[DocId], scores: Option<&[f64]>) -> Option<String> {
    let scores = scores?;
    if scores.len() != ids.len() {
        return Some(format!("{} scores for {} ids", scores.len(), ids.len()));
    }
    let nan = scores.iter().position(|score| score.is_nan())?;
    Some(format!("the score of text {} is NaN", ids[nan].0))
}

/// Lets an instance select and holds its answer to the contract.
pub(super) fn sound(
    instance: &mut Instance,
    host: &StandIn,
    n: usize,
    when: &str,
) -> Result<Selection, Problem> {
    match instance.select(host, n) {
        Ok(selection) => kept(selection, host, n, when),
        Err(error) => Err(Problem::Fail(format!("{when}: {error}"))),
    }
}

/// Does as `sound`, where an error is an answer too (`None`), but a panic is not.
pub(super) fn sound_or_error(
    instance: &mut Instance,
    host: &StandIn,
    n: usize,
    when: &str,
) -> Result<Option<Selection>, Problem> {
    match instance.select(host, n) {
        Ok(selection) => kept(selection, host, n, when).map(Some),
        Err(error) if is_panic(&error) => Err(Problem::Fail(format!("{when}: {error}"))),
        Err(_) => Ok(None),
    }
}

fn kept(selection: Selection, host: &StandIn, n: usize, when: &str) -> Result<Selection, Problem> {
    match breaches(&selection, host, n).into_iter().next() {
        None => Ok(selection),
        Some((_, what)) => Err(Problem::Fail(format!("{when}: {what}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_promise_is_held_apart_from_the_others() {
        let host = StandIn::new(6, 2).labeled(&[(2, &[0])]);
        let check = |ids: &[u32], scores: Option<&[f64]>, n: usize, expected: &[Breach]| {
            let ids = ids.iter().map(|&id| DocId(id)).collect();
            let selection = Selection { ids, scores: scores.map(<[f64]>::to_vec) };
            let got: Vec<Breach> = breaches(&selection, &host, n).iter().map(|b| b.0).collect();
            assert_eq!(got, expected, "{selection:?}");
        };
        check(&[5, 0], None, 2, &[]);
        check(&[5, 0, 1, 3, 4], Some(&[0.0; 5]), 9, &[]);
        check(&[], None, 0, &[]);
        check(&[5], None, 2, &[Breach::Count]);
        check(&[5, 2], None, 2, &[Breach::Outside]);
        check(&[6, 1], None, 2, &[Breach::Outside]);
        check(&[1, 1], None, 2, &[Breach::Twice]);
        check(&[1, 3], Some(&[0.5]), 2, &[Breach::Scores]);
        check(&[1, 3], Some(&[0.5, f64::NAN]), 2, &[Breach::Scores]);
    }
}
