//! Tables with a column for numbers of labeled texts: all of few, else some of them.

use super::collect::DataSet;

/// The numbers of labeled texts that have a column.
pub(super) struct Columns {
    pub(super) labeled: Vec<usize>,
    is_all: bool,
}

impl Columns {
    pub(super) fn new(set: &DataSet) -> Self {
        let labeled = some(&set.labeled);
        let is_all = labeled.len() == set.labeled.len();
        Self { labeled, is_all }
    }

    /// Returns the head of the table, which begins with `first`.
    pub(super) fn head(&self, first: &[&str]) -> Vec<String> {
        let first = first.iter().map(|&name| name.to_owned());
        first.chain(self.labeled.iter().map(usize::to_string)).collect()
    }

    /// Says at which numbers of labeled texts, and where the others are.
    pub(super) fn words(&self, file: &str) -> String {
        if self.is_all {
            "at each number of labeled texts".to_owned()
        } else {
            format!("at some numbers of labeled texts ({file} has all)")
        }
    }
}

/// Picks numbers evenly apart, with the first and the last.
fn some(labeled: &[usize]) -> Vec<usize> {
    const MOST: usize = 10;
    if labeled.len() <= MOST {
        return labeled.to_vec();
    }
    let last = labeled.len() - 1;
    (0..MOST).map(|column| labeled[(column * last).div_ceil(MOST - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_few_columns_and_both_ends() {
        let labeled = |n: usize| (1..=n).map(|round| 100 * round).collect::<Vec<_>>();
        assert_eq!(some(&labeled(3)), [100, 200, 300]);
        assert_eq!(some(&labeled(10)), labeled(10));
        let ten = some(&labeled(25));
        assert_eq!((ten.len(), ten[0], ten[9]), (10, 100, 2500));
        assert!(ten.windows(2).all(|pair| pair[0] < pair[1]), "{ten:?}");
        assert_eq!(some(&[]), [0; 0]);
    }
}
