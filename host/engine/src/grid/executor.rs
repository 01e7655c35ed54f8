//! Who does the cells of a grid.

use super::plan::GridPlan;

/// Does cells, or has them done.
pub trait Executor {
    /// Sees to the cells whose numbers are `left`.
    ///
    /// # Errors
    /// Where nothing can be done at all. A cell that fails has its reason in its state and in its folder.
    fn execute(&mut self, plan: &mut GridPlan, left: &[usize]) -> anyhow::Result<Handled>;
}

/// How far an executor saw to the cells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Handled {
    /// The states of the cells say what came of them.
    Done,
    /// Others do them, and this program need not wait.
    GivenAway,
}
