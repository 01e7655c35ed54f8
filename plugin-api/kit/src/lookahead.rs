//! What an ensemble expects to learn about some texts from the labels of another one.

use std::sync::atomic::{AtomicU64, Ordering};

use alhost_plugin_api::prelude::*;
use rayon::prelude::*;

use crate::beta_score::BetaScore;
use crate::ranking::highest;
use crate::rows::UnitRows;

/// Texts that are looked at together, so that what belongs to a label is made ready once for all of them.
const BLOCK: usize = 32;
/// Below this, d(p, q) counts as 0: members that agree give rounding noise, not a direction to cluster by.
const NOISE: f64 = 1e-14;

/// What is summed over labels and over what may be seen of them at a text x, weighted by its probability, for
/// a text x' at which the ensemble predicts q once it has seen it. d(p, q) is the loss of predicting q where p
/// is true, less that of predicting p.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// d(q, mean prediction before): the expected increase of the score at x'.
    Gain,
    /// d(p, q) summed over the predictions p of the members at x'.
    Members,
}

/// An ensemble, and the texts at which its score is looked at.
#[derive(Clone, Debug)]
pub struct Lookahead<'a> {
    /// `[texts, passes * labels]`: probabilities, pass after pass. A pass is a member of the ensemble.
    pub members: Matrix<'a>,
    /// Passes; at least one.
    pub n_passes: usize,
    /// The x': rows of `members`.
    pub references: &'a [u32],
    /// The score.
    pub score: &'a BetaScore,
    /// What is summed.
    pub form: Form,
    /// Weight of each label in the sum.
    pub weights: &'a [f64],
}

/// What labels of texts are expected to tell about the references.
#[derive(Clone, Debug)]
pub struct Gains {
    /// For each text, the sum over references.
    pub scores: Vec<f64>,
    /// `[texts, references]`, rounded.
    rows: Vec<f32>,
}

impl Gains {
    /// The batch: `n` of the texts at the places `shortlist`, as places. It is one of each of `n` clusters of
    /// their rows, seen as vectors of length 1: that nearest to the centre and not yet taken. `centers` gives
    /// the centres, row by row. Where there are not more than `n`, it is all of them, best first.
    pub fn batch(
        &self,
        shortlist: &[u32],
        n: usize,
        centers: impl FnOnce(&UnitRows<'_>) -> Result<Vec<f64>>,
    ) -> Result<Vec<u32>> {
        let picks = if shortlist.len() <= n {
            let scores: Vec<f64> = shortlist.iter().map(|&i| self.scores[i as usize]).collect();
            highest(&scores, n)
        } else {
            let (rows, width) = (self.rows_of(shortlist), self.width());
            let rows = UnitRows::new(Matrix::new(&rows, shortlist.len(), width));
            rows.nearest_unused(centers(&rows)?.chunks(width))
        };
        Ok(picks.into_iter().map(|pick| shortlist[pick as usize]).collect())
    }

    /// The texts at some places, in their order; `ids` are those of all places.
    pub fn selection(&self, ids: &[DocId], places: &[u32]) -> Selection {
        let scores = places.iter().map(|&place| self.scores[place as usize]).collect();
        Selection::scored(places.iter().map(|&place| ids[place as usize]).collect(), scores)
    }

    /// The rows of some texts, row by row.
    fn rows_of(&self, places: &[u32]) -> Vec<f32> {
        let row = |&place: &u32| &self.rows[place as usize * self.width()..][..self.width()];
        places.iter().flat_map(row).copied().collect()
    }

    /// References of a row.
    fn width(&self) -> usize {
        self.rows.len().checked_div(self.scores.len()).unwrap_or(0)
    }
}

/// Draws the references of an ensemble that knows `n_texts`: `n` texts, ascending, or all if there are fewer.
pub fn draw_references(ctx: &Context<'_>, n_texts: usize, n: usize) -> Vec<u32> {
    let drawn = ctx.rng("references").sample(n_texts, n);
    let mut references: Vec<u32> = drawn.into_iter().map(|text| text as u32).collect();
    references.sort_unstable();
    references
}

impl Lookahead<'_> {
    /// Looks at the texts in rows `texts` of `members`, in parallel.
    ///
    /// It costs texts x references x labels x (two powers and 2 x passes multiplications), and keeps texts x
    /// references numbers.
    pub fn of(&self, ctx: &Context<'_>, texts: &[u32]) -> Result<Gains> {
        let width = self.references.len();
        let mut gains =
            Gains { scores: vec![0.0; texts.len()], rows: vec![0.0; texts.len() * width] };
        let n_done = AtomicU64::new(0);
        let scores = gains.scores.par_chunks_mut(BLOCK);
        let rows = gains.rows.par_chunks_mut((BLOCK * width).max(1));
        scores.zip(rows).zip(texts.par_chunks(BLOCK)).try_for_each(|((scores, rows), block)| {
            if ctx.cancelled() {
                return Err(Error::cancelled());
            }
            let exact = self.block(block);
            for (score, row) in scores.iter_mut().zip(exact.chunks(width)) {
                *score = row.iter().sum();
            }
            for (rounded, exact) in rows.iter_mut().zip(&exact) {
                *rounded = *exact as f32;
            }
            let before = n_done.fetch_add(block.len() as u64, Ordering::Relaxed);
            ctx.progress(before + block.len() as u64, texts.len() as u64);
            Ok(())
        })?;
        if !texts.is_empty() && gains.scores.iter().all(|&score| score <= 0.0) {
            ctx.warn("all passes agree about every text, so that no text is better than another");
        }
        Ok(gains)
    }

    /// `[block, references]`, exactly.
    fn block(&self, block: &[u32]) -> Vec<f64> {
        let width = self.references.len();
        let mut rows = vec![0.0; block.len() * width];
        let mut at = AtReferences::new(width, self.n_passes);
        let (mut present, mut absent) = (Outcome::new(width), Outcome::new(width));
        for (label, &weight) in self.weights.iter().enumerate() {
            at.read(self, label);
            for (row, &text) in rows.chunks_mut(width).zip(block) {
                let say = self.members_at(text, label);
                present.see(say.clone(), &at.members);
                absent.see(say.map(|p| 1.0 - p), &at.members);
                match self.form {
                    Form::Gain => self.add_gain(row, &at, [&present, &absent], weight),
                    Form::Members => self.add_members(row, &at, [&present, &absent], weight),
                }
            }
        }
        rows
    }

    /// What each member says of a label of a text.
    fn members_at(&self, text: u32, label: usize) -> impl ExactSizeIterator<Item = f64> + Clone {
        let row = self.members.row(text as usize);
        let n_labels = self.weights.len();
        (0..self.n_passes).map(move |pass| f64::from(row[pass * n_labels + label]))
    }

    /// A Jensen gap: the predictions after the outcomes average to the mean one, so that terms linear in a
    /// prediction cancel.
    fn add_gain(&self, row: &mut [f64], at: &AtReferences, seen: [&Outcome; 2], weight: f64) {
        let [present, absent] = seen;
        let after = present.after.iter().zip(&absent.after);
        for ((sum, (&q1, &q0)), own) in row.iter_mut().zip(after).zip(&at.own) {
            let expected =
                present.probability * self.score.own(q1) + absent.probability * self.score.own(q0);
            let gain = expected - own;
            *sum += if gain < NOISE { 0.0 } else { weight * gain };
        }
    }

    /// The sum over members of d(p, q) = F1(q) - p F0(q) + p F0(p) - F1(p) depends on q and the mean of p,
    /// but for a sum that is the same for all q.
    fn add_members(&self, row: &mut [f64], at: &AtReferences, seen: [&Outcome; 2], weight: f64) {
        let n = self.n_passes as f64;
        let before = at.mean.iter().zip(&at.own);
        for (i, (sum, (&mean, own))) in row.iter_mut().zip(before).enumerate() {
            let lost = seen.map(|outcome| {
                outcome.probability * (n * self.score.loss(mean, outcome.after[i]) + own)
            });
            let lost = lost[0] + lost[1];
            *sum += if lost < n * NOISE { 0.0 } else { weight * lost };
        }
    }
}

/// One label at the references.
struct AtReferences {
    /// `[passes, references]`.
    members: Vec<f64>,
    mean: Vec<f64>,
    /// The score that a prediction expects of itself: the mean one, or summed over members.
    own: Vec<f64>,
}

impl AtReferences {
    fn new(width: usize, n_passes: usize) -> Self {
        let zeros = |n: usize| vec![0.0; n];
        Self { members: zeros(width * n_passes), mean: zeros(width), own: zeros(width) }
    }

    fn read(&mut self, look: &Lookahead<'_>, label: usize) {
        let width = look.references.len();
        for (i, &reference) in look.references.iter().enumerate() {
            let say = look.members_at(reference, label);
            self.mean[i] = say.clone().sum::<f64>() / look.n_passes as f64;
            self.own[i] = match look.form {
                Form::Gain => look.score.own(self.mean[i]),
                Form::Members => say.clone().map(|p| look.score.own(p)).sum(),
            };
            for (pass, p) in say.enumerate() {
                self.members[pass * width + i] = p;
            }
        }
    }
}

/// One outcome of looking up a label of a text.
struct Outcome {
    probability: f64,
    /// The prediction at each reference once the outcome has been seen.
    after: Vec<f64>,
}

impl Outcome {
    fn new(width: usize) -> Self {
        Self { probability: 0.0, after: vec![0.0; width] }
    }

    /// Weights each member by its `likelihood` of the outcome. `members` is `[passes, references]`.
    fn see(&mut self, likelihood: impl ExactSizeIterator<Item = f64> + Clone, members: &[f64]) {
        let n = likelihood.len() as f64;
        let total: f64 = likelihood.clone().sum();
        self.probability = total / n;
        self.after.fill(0.0);
        for (p, of_member) in likelihood.zip(members.chunks(self.after.len())) {
            // An outcome that no member thinks possible says nothing about members.
            let weight = if total > 0.0 { p / total } else { 1.0 / n };
            for (q, x) in self.after.iter_mut().zip(of_member) {
                *q += weight * x;
            }
        }
        for q in &mut self.after {
            *q = q.min(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use alhost_golden::Case;
    use alhost_plugin_api::testing::StandIn;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// `of` is called with a look at all texts of a golden case, and their number.
    fn with<T>(
        case: &Case,
        (references, beta, form): (&str, u32, Form),
        weights: &[f64],
        of: impl FnOnce(&Lookahead<'_>, &[u32]) -> T,
    ) -> T {
        let (data, references) = (case.f32s("mc"), case.u32s(references));
        let [n, n_passes, n_labels] = case.array("mc").shape[..] else { panic!("three extents") };
        let look = Lookahead {
            members: Matrix::new(&data, n, n_passes * n_labels),
            n_passes,
            references: &references,
            score: &BetaScore::new(0.1, beta),
            form,
            weights,
        };
        let texts: Vec<u32> = (0..n as u32).collect();
        of(&look, &texts)
    }

    fn rows(look: &Lookahead<'_>, texts: &[u32]) -> Vec<f64> {
        look.block(texts)
    }

    fn scores(look: &Lookahead<'_>, texts: &[u32]) -> Vec<f64> {
        look.of(&StandIn::new(1, 1).context(), texts).unwrap().scores
    }

    #[test]
    fn golden_gains() {
        for case in alhost_golden::all() {
            let ones = vec![1.0; case.cols("mc")];
            let besra = ("besra_xprime", 1, Form::Gain);
            case.assert_close("besra_vec", &with(&case, besra, &ones, rows));
            case.assert_close("besra_score", &with(&case, besra, &ones, scores));
            let members = ("besra_xprime", 1, Form::Members);
            case.assert_close("besra_members", &with(&case, members, &ones, scores));
            let (crab, weights) = (("crab_xprime", 3, Form::Gain), case.values("crab_weights"));
            case.assert_close("crab_vec", &with(&case, crab, weights, rows));
            case.assert_close("crab_score", &with(&case, crab, weights, scores));
        }
    }

    #[test]
    fn rows_are_those_asked_for() {
        let case = alhost_golden::shelf();
        let ones = vec![1.0; case.cols("mc")];
        with(&case, ("crab_xprime", 1, Form::Gain), &ones, |look, _| {
            let gains = look.of(&StandIn::new(1, 1).context(), &[50, 7, 120]).unwrap();
            let exact = look.block(&[120, 50]);
            let rounded = gains.rows_of(&[2, 0]);
            assert_eq!(rounded.len(), exact.len());
            for (rounded, exact) in rounded.iter().zip(exact) {
                assert!((f64::from(*rounded) - exact).abs() <= 1e-7 * exact.abs());
            }
            assert_eq!(gains.rows_of(&[]), [0.0_f32; 0]);
        });
    }

    #[test]
    fn bits_do_not_depend_on_threads_or_neighbors() {
        let case = alhost_golden::shelf();
        let ones = vec![1.0; case.cols("mc")];
        let with_threads = |n_threads: usize, skip: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let some = |look: &Lookahead<'_>, texts: &[u32]| scores(look, &texts[skip..]);
            pool.install(|| with(&case, ("besra_xprime", 1, Form::Gain), &ones, some))
        };
        let bits = |scores: &[f64]| scores.iter().map(|score| score.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&with_threads(1, 0)), bits(&with_threads(3, 0)));
        assert_eq!(bits(&with_threads(1, 0)[5..]), bits(&with_threads(2, 5)));
    }

    /// Three texts, two passes, one label. The members agree about text 0, so that its label says nothing;
    /// of text 2 both are certain, so that a look at it says nothing either.
    #[test]
    fn only_members_that_disagree_can_be_told_apart() {
        let data = [0.3, 0.3, 0.2, 0.9, 0.0, 0.0];
        let score = BetaScore::new(0.1, 1);
        let look = |references| Lookahead {
            members: Matrix::new(&data, 3, 2),
            n_passes: 2,
            references,
            score: &score,
            form: Form::Gain,
            weights: &[1.0],
        };
        let gains = look(&[0, 1, 2]).block(&[0, 1, 2]);
        let is_positive: Vec<bool> = gains.iter().map(|&gain| gain > 0.0).collect();
        let [no, yes] = [false, true];
        assert_eq!(is_positive, [no, no, no, no, yes, no, no, no, no]);
        assert!(look(&[1]).block(&[0])[0].abs() < 1e-300, "noise is 0");
    }

    proptest! {
        /// Text 0 is one about which five members agree, text 1 any.
        #[test]
        fn rounding_is_no_gain(
            agreed in 0.0_f32..=1.0,
            any in vec(0.0_f32..=1.0, 5),
            alpha in 0.05_f64..5.0,
            beta in 1_u32..=10,
        ) {
            let data = [vec![agreed; 5], any].concat();
            let look = Lookahead {
                members: Matrix::new(&data, 2, 5),
                n_passes: 5,
                references: &[0, 1],
                score: &BetaScore::new(alpha, beta),
                form: Form::Gain,
                weights: &[1.0],
            };
            let gains = look.block(&[0]);
            prop_assert!(gains.iter().all(|gain| gain.abs() < 1e-300), "{:?}", gains);
        }
    }

    #[test]
    fn a_wish_to_stop_is_heard() {
        let case = alhost_golden::shelf();
        let ones = vec![1.0; case.cols("mc")];
        let host = StandIn::new(1, 1).cancelled_after(3);
        let stopped = |look: &Lookahead<'_>, texts: &[u32]| look.of(&host.context(), texts).err();
        let error = with(&case, ("besra_xprime", 1, Form::Gain), &ones, stopped);
        assert_eq!(error, Some(Error::cancelled()));
    }
}
