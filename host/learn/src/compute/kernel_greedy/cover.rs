//! Greedy cover by lazy evaluation (Minoux 1978): gains only fall as more is picked, so that what was known of
//! a gain stays a bound, and only rows whose bound exceeds the best known gain need a look.

use alhost_model::KernelGreedy;

use super::arithmetic::{Arithmetic, error, unit};
use super::bounds::Bounds;
use super::gains::{Gain, Reached, is_ahead};
use super::kernel::Kernel;
use super::rows::{Rows, SAME};
use crate::compute::ComputeError;

/// Bounds that are brought up to date at first in the search for a pick; twice as many each time after.
const FIRST_BOUNDS: usize = 16;
/// Gains at most that one reading of all rows computes.
const EXACT: usize = 8;
/// Rows at most that are put in order.
const ORDERED: usize = 4096;

struct Cover<'a> {
    reached: Reached<'a>,
    bounds: Bounds<'a>,
    is_picked: Vec<bool>,
    cancelled: &'a dyn Fn() -> bool,
}

/// The search for one pick.
struct Search {
    best: Option<Gain>,
    /// Rows that are picked, or whose gain is known.
    is_known: Vec<bool>,
}

/// Picks `k` rows; `near` is the squared distance of each row to the nearest fixed one, infinite if there is
/// none. Gains and coverage are sums, not means.
pub(super) fn pick(
    rows: &Rows<'_>,
    near: Vec<f64>,
    rule: (Kernel, Option<&[f64]>),
    k: usize,
    arithmetic: &dyn Arithmetic,
    cancelled: &dyn Fn() -> bool,
) -> Result<KernelGreedy, ComputeError> {
    let reached = Reached::new(rows, rule, near);
    let (mut picks, mut gains) = (Vec::with_capacity(k), Vec::with_capacity(k));
    if k == 0 {
        return Ok(KernelGreedy { picks, gains, coverage: reached.total() });
    }
    let (unit, error) = (unit(rows.squares()), error(rows.n_cols()));
    let scaled = (rule.0.scaled(unit), rule.1);
    let errors = (error, error + SAME * unit.powi(2));
    let bounds = Bounds::new(arithmetic, scaled, errors, reached.reach(), cancelled)?;
    let mut cover = Cover { reached, bounds, is_picked: vec![false; rows.len()], cancelled };
    while picks.len() < k {
        let gain = cover.best()?;
        picks.push(gain.row);
        gains.push(gain.sum);
        cover.is_picked[gain.row as usize] = true;
        if cover.reached.take(&gain) {
            cover.bounds.reached(cover.reached.reach());
        }
    }
    Ok(KernelGreedy { picks, gains, coverage: cover.reached.total() })
}

impl Cover<'_> {
    /// The free row of the largest gain, the lowest among equals.
    fn best(&mut self) -> Result<Gain, ComputeError> {
        let mut search = Search { best: None, is_known: self.is_picked.clone() };
        let (mut n_bounds, mut n_exact) = (FIRST_BOUNDS, 1);
        loop {
            if (self.cancelled)() {
                return Err(ComputeError::Cancelled);
            }
            let (rows, n_stale) = self.contenders(&search);
            let Some(&first) = rows.first() else {
                return Ok(search.best.expect("fewer are picked than there are rows"));
            };
            if self.bounds.is_fresh(first) {
                let fresh = rows.into_iter().take_while(|&row| self.bounds.is_fresh(row));
                self.look_at(&fresh.take(n_exact).collect::<Vec<_>>(), &mut search);
                n_exact = (2 * n_exact).min(EXACT);
            } else if search.best.is_some() && self.bounds.is_full_pass_due(n_stale) {
                self.bounds.pass(self.reached.reach(), self.cancelled)?;
            } else {
                let stale = rows.into_iter().filter(|&row| !self.bounds.is_fresh(row));
                let stale: Vec<u32> = stale.take(n_bounds).collect();
                self.bounds.refresh(&stale)?;
                n_bounds *= 2;
                if search.best.is_none() {
                    // However far below the others' old bounds it is, it tells which of them count.
                    let first = stale.into_iter().reduce(|best, next| {
                        if self.bounds.of(next) > self.bounds.of(best) { next } else { best }
                    });
                    self.look_at(&Vec::from_iter(first), &mut search);
                }
            }
        }
    }

    /// Computes the gains of some rows.
    fn look_at(&mut self, rows: &[u32], search: &mut Search) {
        for gain in self.reached.gains(rows) {
            search.is_known[gain.row as usize] = true;
            self.bounds.set(gain.row, gain.sum);
            if search.best.as_ref().is_none_or(|best| gain.is_ahead_of(best)) {
                search.best = Some(gain);
            }
        }
    }

    /// The rows that may be ahead of the best known one, largest bound first, and how many of them have a
    /// bound that is not up to date. Of many, only the first are given.
    fn contenders(&self, search: &Search) -> (Vec<u32>, usize) {
        let may_be_ahead = |row: u32| {
            let bound = (self.bounds.of(row), row);
            search.best.as_ref().is_none_or(|best| is_ahead(bound, (best.sum, best.row)))
        };
        let all = 0..search.is_known.len() as u32;
        let unknown = all.filter(|&row| !search.is_known[row as usize]);
        let mut rows: Vec<u32> = unknown.filter(|&row| may_be_ahead(row)).collect();
        let n_stale = rows.iter().filter(|&&row| !self.bounds.is_fresh(row)).count();
        let order =
            |&a: &u32, &b: &u32| self.bounds.of(b).total_cmp(&self.bounds.of(a)).then(a.cmp(&b));
        if rows.len() > ORDERED {
            rows.select_nth_unstable_by(ORDERED, order);
            rows.truncate(ORDERED);
        }
        rows.sort_unstable_by(order);
        (rows, n_stale)
    }
}
