//! BESRA against golden arrays, and through the stand-in host.

use alhost_plugin_api::testing::{StandIn, check_contract};

use super::*;

const NEEDS: [&str; 2] = [MC_PROBABILITIES, KMEANS];

#[test]
fn it_keeps_the_contract() {
    check_contract::<Besra>("{}", &NEEDS, true);
    check_contract::<Besra>(r#"{"form": "members", "beta": 3, "references": 7}"#, &NEEDS, true);
}

#[test]
fn golden_shortlists_and_picks() {
    for case in alhost_golden::all() {
        let (data, references) = (case.f32s("mc"), case.u32s("besra_xprime"));
        let [n_texts, n_passes, n_labels] = case.array("mc").shape[..] else {
            panic!("three extents")
        };
        let look = Lookahead {
            members: Matrix::new(&data, n_texts, n_passes * n_labels),
            n_passes,
            references: &references,
            score: &BetaScore::new(0.1, 1),
            form: Form::Gain,
            weights: &vec![1.0; n_labels],
        };
        let texts: Vec<u32> = (0..n_texts as u32).collect();
        let gains = look.of(&StandIn::new(1, 1).context(), &texts).unwrap();
        let n = case.whole("k").min(n_texts);
        let shortlist = shortlist(&gains.scores, n);
        case.assert_picks("besra_shortlist", &shortlist);
        let centers = |_: &rows::UnitRows<'_>| Ok(case.values("besra_centers").to_vec());
        case.assert_picks("besra_picks", &gains.batch(&shortlist, n, centers).unwrap());
    }
}

fn ids(host: &StandIn, params: &str, n: usize) -> Vec<u32> {
    let selection = host.select::<Besra>(params, n).unwrap();
    selection.ids.iter().map(|id| id.0).collect()
}

#[test]
fn every_parameter_moves_the_answer() {
    let host = StandIn::new(80, 6).seed(3);
    let usual = ids(&host, "{}", 10);
    for params in [
        r#"{"form": "members"}"#,
        r#"{"alpha": 2}"#,
        r#"{"beta": 4}"#,
        r#"{"references": 5}"#,
        r#"{"passes": 2}"#,
        r#"{"restarts": 1}"#,
    ] {
        assert_ne!(ids(&host, params, 10), usual, "{params}");
    }
}

/// Text 3 is the only one of which the classifier is not sure: with a logit of 90 either way, dropout
/// changes nothing.
#[test]
fn what_passes_agree_about_comes_last() {
    let logits = (0..8).map(|i| if i == 3 { 0.0 } else { 90.0 }).collect();
    let host = StandIn::new(8, 1).logits(logits);
    let selection = host.select::<Besra>("{}", 8).unwrap();
    let got: Vec<u32> = selection.ids.iter().map(|id| id.0).collect();
    assert_eq!(got, [3, 0, 1, 2, 4, 5, 6, 7]);
    let scores = selection.scores.unwrap();
    assert!(scores[0] > 0.0 && scores[1..].iter().all(|score| score.abs() < 1e-300), "{scores:?}");
}

#[test]
fn passes_that_agree_about_everything_are_told() {
    let host = StandIn::new(9, 2).logits(vec![90.0; 18]);
    assert_eq!(ids(&host, "{}", 3), [0, 1, 2]);
    let logged = host.logged();
    assert!(logged[0].starts_with("all passes agree about every text"), "{logged:?}");
}

#[test]
fn broken_numbers_and_a_wish_to_stop_are_errors() {
    let mut logits = vec![0.5; 18];
    logits[7] = f32::NAN;
    let error = StandIn::new(9, 2).logits(logits).select::<Besra>("{}", 3).unwrap_err();
    assert!(error.message().starts_with("probabilities under dropout of text 3"), "{error}");
    let error = StandIn::new(9, 2).cancelled().select::<Besra>("{}", 3).unwrap_err();
    assert_eq!(error, Error::cancelled());
}
