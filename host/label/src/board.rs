//! Who labels which text next. Two people get the same text only where a second opinion is wanted.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// After so long without a sign of life a text goes to somebody else.
const LEASE: Duration = Duration::from_mins(15);

/// A text that wants labels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// Row of the text.
    pub row: usize,
    pub is_audit: bool,
}

/// What a person does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    Text(Wanted),
    /// All texts of the batch are with other people, or answered.
    Nothing,
}

/// The texts that are handed out.
#[derive(Default)]
pub struct Board {
    /// The batch that the next training waits for, in its order.
    batch: Vec<Wanted>,
    /// Texts of the audit that later batches will have, in their order. They are handed out while nothing else is there to do.
    upcoming: Vec<usize>,
    /// Texts of all batches so far that a second person is to label, in their order.
    second: Vec<Wanted>,
    /// By row: who has the text before them, and until when.
    leases: HashMap<usize, (String, Instant)>,
}

impl Board {
    /// Puts up a new batch. `wants_second` says of a row whether a second person is to label it.
    pub fn put_up(
        &mut self,
        batch: Vec<Wanted>,
        upcoming: Vec<usize>,
        wants_second: &dyn Fn(usize) -> bool,
    ) {
        for wanted in &batch {
            if wants_second(wanted.row) && !self.second.contains(wanted) {
                self.second.push(*wanted);
            }
        }
        self.batch = batch;
        self.upcoming = upcoming;
    }

    pub fn batch(&self) -> &[Wanted] {
        &self.batch
    }

    /// Texts of the audit that later batches will have.
    pub fn upcoming(&self) -> &[usize] {
        &self.upcoming
    }

    /// Whether a text may be answered now: it is handed out, or was and may be corrected.
    pub fn is_up(&self, row: usize) -> bool {
        self.batch.iter().any(|wanted| wanted.row == row) || self.upcoming.contains(&row)
    }

    /// The next text for `who`, which is theirs from now on. `answered` says of a row how many have answered, and whether `who` is among them.
    pub fn next(
        &mut self,
        who: &str,
        now: Instant,
        answered: &dyn Fn(usize) -> (usize, bool),
    ) -> Next {
        self.leases.retain(|_, (_, until)| *until > now);
        let is_free = |row: &usize| self.leases.get(row).is_none_or(|(holder, _)| holder == who);
        let wants_first = |row: usize| answered(row).0 == 0 && is_free(&row);
        let wants_second = |row: usize| matches!(answered(row), (1, false)) && is_free(&row);
        let held = |row: usize| self.leases.get(&row).is_some_and(|(holder, _)| holder == who);
        let of_batch = || self.batch.iter().copied().filter(|wanted| wants_first(wanted.row));
        // The one they have already, so that a page that is loaded again shows the same.
        let found = of_batch()
            .find(|wanted| held(wanted.row))
            .or_else(|| of_batch().next())
            .or_else(|| self.second.iter().copied().find(|wanted| wants_second(wanted.row)))
            .or_else(|| {
                let row = self.upcoming.iter().copied().find(|&row| wants_first(row));
                row.map(|row| Wanted { row, is_audit: true })
            });
        let Some(wanted) = found else { return Next::Nothing };
        self.leases.insert(wanted.row, (who.to_owned(), now + LEASE));
        Next::Text(wanted)
    }

    /// Lets go of a text.
    pub fn done(&mut self, row: usize, who: &str) {
        if self.leases.get(&row).is_some_and(|(holder, _)| holder == who) {
            self.leases.remove(&row);
        }
    }

    /// Lets go of all texts that somebody has before them.
    pub fn release(&mut self, who: &str) {
        self.leases.retain(|_, (holder, _)| holder != who);
    }

    /// Who has unanswered texts of the batch before them.
    pub fn holders(&self, now: Instant) -> Vec<String> {
        let of_batch = self.batch.iter().filter_map(|wanted| self.leases.get(&wanted.row));
        let mut holders: Vec<String> =
            of_batch.filter(|(_, until)| *until > now).map(|(who, _)| who.clone()).collect();
        holders.sort_unstable();
        holders.dedup();
        holders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(row: usize) -> Wanted {
        Wanted { row, is_audit: row >= 10 }
    }

    fn board(batch: &[usize], upcoming: &[usize]) -> Board {
        let mut board = Board::default();
        let batch = batch.iter().map(|&row| wanted(row)).collect();
        board.put_up(batch, upcoming.to_vec(), &|row| row == 2);
        board
    }

    #[test]
    fn two_people_get_different_texts_and_each_keeps_theirs_until_it_is_answered() {
        let mut board = board(&[1, 2, 3], &[]);
        let now = Instant::now();
        let nobody = |_| (0, false);
        assert_eq!(board.next("a", now, &nobody), Next::Text(wanted(1)));
        assert_eq!(board.next("b", now, &nobody), Next::Text(wanted(2)));
        assert_eq!(board.next("a", now, &nobody), Next::Text(wanted(1)));
        assert_eq!(board.next("c", now, &nobody), Next::Text(wanted(3)));
        assert_eq!(board.next("d", now, &nobody), Next::Nothing);
        assert_eq!(board.holders(now), ["a", "b", "c"]);
        board.release("b");
        assert_eq!(board.next("d", now, &nobody), Next::Text(wanted(2)), "b has left");
        board.release("d");
        let later = now + LEASE + Duration::from_secs(1);
        assert_eq!(board.next("d", later, &nobody), Next::Text(wanted(1)), "a says nothing");
    }

    #[test]
    fn a_second_opinion_is_asked_of_somebody_else_and_after_all_else() {
        let mut board = board(&[1, 2], &[11]);
        let now = Instant::now();
        // a has answered both.
        let for_a = |row| if row < 10 { (1, true) } else { (0, false) };
        assert_eq!(board.next("a", now, &for_a), Next::Text(wanted(11)), "of the audit meanwhile");
        board.done(11, "a");
        let for_b = |row| if row < 10 { (1, false) } else { (0, false) };
        assert_eq!(board.next("b", now, &for_b), Next::Text(wanted(2)));
        let all = |_| (2, true);
        assert_eq!(board.next("a", now, &all), Next::Nothing);
        assert!(board.is_up(1) && board.is_up(11) && !board.is_up(7));
    }

    #[test]
    fn texts_that_wanted_a_second_opinion_before_still_do() {
        let mut board = board(&[1, 2], &[]);
        board.put_up(vec![wanted(5)], Vec::new(), &|_| false);
        let now = Instant::now();
        let answered = |row| if row == 5 { (1, true) } else { (1, false) };
        assert_eq!(board.next("b", now, &answered), Next::Text(wanted(2)));
    }
}
