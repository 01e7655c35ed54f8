//! How a grid stands, by data set and strategy, and when it will be done.

use std::time::Duration;

use super::cell::Cell;
use super::outcome::State;

/// The cells of one strategy on one data set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    pub data: String,
    pub strategy: String,
    pub finished: usize,
    pub running: usize,
    pub queued: usize,
    pub failed: usize,
    /// Cells that nobody has.
    pub left: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    /// In the grid's order.
    pub rows: Vec<Row>,
    /// Time until the cells that run and that are queued are done, where some run and some have finished: as
    /// many at once as now, each as long as those that finished.
    pub until_done: Option<Duration>,
}

impl Tally {
    pub fn of(cells: &[Cell]) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for cell in cells {
            let known =
                rows.iter().position(|row| row.data == cell.data && row.strategy == cell.strategy);
            let at = known.unwrap_or_else(|| {
                rows.push(Row::new(cell));
                rows.len() - 1
            });
            rows[at].add(&cell.state);
        }
        Self { until_done: until_done(cells, &rows), rows }
    }

    /// Returns the sum over all rows.
    pub fn total(&self) -> Row {
        let mut total = Row {
            data: "all".to_owned(),
            strategy: String::new(),
            finished: 0,
            running: 0,
            queued: 0,
            failed: 0,
            left: 0,
        };
        for row in &self.rows {
            total.finished += row.finished;
            total.running += row.running;
            total.queued += row.queued;
            total.failed += row.failed;
            total.left += row.left;
        }
        total
    }
}

impl Row {
    fn new(cell: &Cell) -> Self {
        let (data, strategy) = (cell.data.clone(), cell.strategy.clone());
        Self { data, strategy, finished: 0, running: 0, queued: 0, failed: 0, left: 0 }
    }

    fn add(&mut self, state: &State) {
        *match state {
            State::Finished => &mut self.finished,
            State::Running => &mut self.running,
            State::Queued => &mut self.queued,
            State::Failed(_) => &mut self.failed,
            State::Waiting => &mut self.left,
        } += 1;
    }
}

fn until_done(cells: &[Cell], rows: &[Row]) -> Option<Duration> {
    let mean = |of: &dyn Fn(&Cell) -> bool| {
        let seconds: Vec<f64> =
            cells.iter().filter(|cell| of(cell)).filter_map(|cell| cell.seconds).collect();
        (!seconds.is_empty()).then(|| seconds.iter().sum::<f64>() / seconds.len() as f64)
    };
    let all = mean(&|cell| cell.state == State::Finished)?;
    let at_once = cells.iter().filter(|cell| cell.state == State::Running).count();
    let mut left = 0.0;
    for row in rows.iter().filter(|row| row.running + row.queued > 0) {
        let is_of = |cell: &Cell| cell.data == row.data && cell.strategy == row.strategy;
        let each = mean(&|cell| cell.state == State::Finished && is_of(cell))
            .or_else(|| mean(&|cell| cell.state == State::Finished && cell.data == row.data));
        let each = each.unwrap_or(all);
        left += each * row.queued as f64;
        for cell in cells.iter().filter(|cell| cell.state == State::Running && is_of(cell)) {
            let done = cell.rounds_done() as f64 / cell.rounds.max(1) as f64;
            left += each * (1.0 - done).max(0.0);
        }
    }
    (at_once > 0).then(|| Duration::from_secs_f64(left / at_once as f64))
}
