//! How many typing errors lie between what was typed and the beginning of a word.

/// Typing errors that are forgiven in a word of so many letters; in short words, any word is near any other.
pub(super) fn tolerance(n_letters: usize) -> u8 {
    match n_letters {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    }
}

/// The rows of a table of distances between a typed word and beginnings of a word, one row for each letter.
///
/// The distance is Damerau's in its restricted form: a letter left out, put in, replaced, or two
/// neighbors swapped, each place touched once. Row d stands for the first d letters of the word and column j for
/// the first j that were typed. A row depends on the two above it alone, so words that begin alike share rows.
/// What costs more than is forgiven all counts the same, so that only a band of 2·tolerance + 1 columns matters.
pub(super) struct Rows {
    typed: Vec<char>,
    tolerance: u8,
    letters: Vec<char>,
    cells: Vec<u8>,
    /// For each row, the least distance of the whole of what was typed, in this row or above, with its row.
    nearest: Vec<(u8, usize)>,
    /// For each row, its least cell.
    least: Vec<u8>,
}

impl Rows {
    pub(super) fn new(typed: &str, tolerance: u8) -> Rows {
        let typed: Vec<char> = typed.chars().collect();
        let too_far = tolerance + 1;
        let cells: Vec<u8> =
            (0..=typed.len()).map(|column| column.min(too_far.into()) as u8).collect();
        let nearest = vec![(cells[typed.len()], 0)];
        Rows { typed, tolerance, letters: Vec::new(), cells, nearest, least: vec![0] }
    }

    /// Continues with a word, of which `n_shared` letters were in the word before. Stops at a letter
    /// behind which nothing can be near enough any more, and answers how many letters it looked at.
    pub(super) fn turn_to(&mut self, word: &str, n_shared: usize) -> usize {
        self.letters.truncate(n_shared);
        self.nearest.truncate(n_shared + 1);
        self.least.truncate(n_shared + 1);
        self.cells.truncate((n_shared + 1) * self.width());
        for letter in word.chars().skip(self.letters.len()) {
            if self.is_hopeless() {
                break;
            }
            self.push(letter);
        }
        self.letters.len()
    }

    /// The letters of the rows that there are.
    pub(super) fn letters(&self) -> &[char] {
        &self.letters
    }

    /// Whether every further letter only leads away.
    pub(super) fn is_hopeless(&self) -> bool {
        self.least[self.letters.len()] > self.tolerance
    }

    /// The least distance to a beginning of the word, with that beginning's letters; none if it is too far.
    pub(super) fn nearest(&self) -> Option<(u8, usize)> {
        let nearest = self.nearest[self.letters.len()];
        (nearest.0 <= self.tolerance).then_some(nearest)
    }

    fn width(&self) -> usize {
        self.typed.len() + 1
    }

    fn push(&mut self, letter: char) {
        self.letters.push(letter);
        let row = self.letters.len();
        let too_far = self.tolerance + 1;
        let start = self.cells.len();
        self.cells.resize(start + self.width(), too_far);
        self.cells[start] = row.min(too_far.into()) as u8;
        let band = usize::from(self.tolerance);
        for column in row.saturating_sub(band).max(1)..=(row + band).min(self.typed.len()) {
            self.cells[start + column] = self.cell(row, column).min(too_far);
        }
        let row_cells = &self.cells[start..];
        self.least.push(row_cells.iter().copied().min().unwrap_or(too_far));
        let whole = (row_cells[self.typed.len()], row);
        let above = self.nearest[row - 1];
        // Of two beginnings as near, the longer one is what was meant: `agricutl` is eight letters of the word.
        self.nearest.push(if whole.0 <= above.0 { whole } else { above });
    }

    fn cell(&self, row: usize, column: usize) -> u8 {
        let at = |row: usize, column: usize| self.cells[row * self.width() + column];
        let (letter, typed) = (self.letters[row - 1], self.typed[column - 1]);
        let replaced = at(row - 1, column - 1) + u8::from(letter != typed);
        let best = replaced.min(at(row - 1, column) + 1).min(at(row, column - 1) + 1);
        let is_swap = row > 1
            && column > 1
            && letter == self.typed[column - 2]
            && self.letters[row - 2] == typed;
        if is_swap { best.min(at(row - 2, column - 2) + 1) } else { best }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(typed: &str, word: &str, tolerance: u8) -> Option<(u8, usize)> {
        let mut rows = Rows::new(typed, tolerance);
        rows.turn_to(word, 0);
        rows.nearest()
    }

    #[test]
    fn each_kind_of_error_counts_once() {
        let check = |typed: &str, distance: Option<u8>| {
            assert_eq!(near(typed, "agriculture", 2).map(|(d, _)| d), distance, "{typed}");
        };
        check("agriculture", Some(0));
        check("agricul", Some(0));
        check("agircul", Some(1));
        check("agrcul", Some(1));
        check("agricxul", Some(1));
        check("agrikulture", Some(1));
        check("agrikultures", Some(2));
        check("gairculture", Some(2));
        check("xxxiculture", None);
    }

    #[test]
    fn the_beginning_that_was_meant_is_named() {
        assert_eq!(near("agricutl", "agriculture", 2), Some((1, 8)));
        assert_eq!(near("wheet", "wheat", 1), Some((1, 5)));
        assert_eq!(near("wheats", "wheat", 1), Some((1, 5)));
        assert_eq!(near("corn", "corn", 0), Some((0, 4)));
    }

    /// The whole table, without band and sharing.
    fn plainly(typed: &[char], word: &[char]) -> usize {
        let mut table = vec![vec![0; typed.len() + 1]; word.len() + 1];
        for d in 0..=word.len() {
            for j in 0..=typed.len() {
                table[d][j] = if d == 0 || j == 0 {
                    d.max(j)
                } else {
                    let replaced = table[d - 1][j - 1] + usize::from(word[d - 1] != typed[j - 1]);
                    let best = replaced.min(table[d - 1][j] + 1).min(table[d][j - 1] + 1);
                    let swap = d > 1
                        && j > 1
                        && word[d - 1] == typed[j - 2]
                        && word[d - 2] == typed[j - 1];
                    if swap { best.min(table[d - 2][j - 2] + 1) } else { best }
                };
            }
        }
        (0..=word.len()).map(|d| table[d][typed.len()]).min().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn the_band_and_shared_rows_change_nothing(
            typed in "[abc]{0,9}",
            mut words in prop::collection::vec("[abc]{0,9}", 1..12),
            tolerance in 0_u8..3,
        ) {
            words.sort();
            let letters: Vec<char> = typed.chars().collect();
            let mut rows = Rows::new(&typed, tolerance);
            for word in &words {
                let shared = rows.letters().iter().zip(word.chars()).take_while(|(a, b)| *a == b);
                let n_shared = shared.count();
                rows.turn_to(word, n_shared);
                let expected = plainly(&letters, &word.chars().collect::<Vec<_>>());
                let expected = (expected <= tolerance.into()).then_some(expected as u8);
                prop_assert_eq!(rows.nearest().map(|(distance, _)| distance), expected, "{}", word);
            }
        }
    }
}
