//! The seeding of k-means++ (Arthur and Vassilvitskii 2007) on gradients, begun at the longest.

use alhost_plugin_kit::{draws, ranking};

use crate::gradients::Gradients;

/// Picks so far, as far as they matter to the next one.
pub struct Seeding<'a> {
    gradients: &'a Gradients<'a>,
    /// Least squared distance of each text to a pick; 0 for picks.
    nearest: Vec<f64>,
    is_taken: Vec<bool>,
    last: Option<usize>,
}

impl<'a> Seeding<'a> {
    pub fn new(gradients: &'a Gradients<'a>) -> Self {
        let n = gradients.squares().len();
        let (nearest, is_taken) = (vec![f64::INFINITY; n], vec![false; n]);
        Self { gradients, nearest, is_taken, last: None }
    }

    /// The position of the next pick, which `u`, uniform in [0, 1), draws in proportion to the squared distance
    /// to the nearest pick. The first pick is the longest gradient, whatever `u` is.
    ///
    /// # Panics
    /// Panics if every text is taken.
    pub fn pick(&mut self, u: f64) -> u32 {
        let pick = match self.last {
            None => ranking::best_free(self.gradients.squares(), &self.is_taken),
            Some(last) => {
                self.gradients.lower(&mut self.nearest, last);
                self.nearest[last] = 0.0;
                let lowest_free = || self.is_taken.iter().position(|is_taken| !is_taken);
                draws::draw(&self.nearest, u).or_else(lowest_free)
            }
        };
        let pick = pick.expect("a text is free");
        self.is_taken[pick] = true;
        self.last = Some(pick);
        pick as u32
    }
}
