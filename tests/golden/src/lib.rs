//! Golden arrays for the tests of strategies (`tests/fixtures/strategies/`), and how results are compared
//! with them. Only tests depend on this crate.

mod read;

use std::collections::BTreeMap;

/// Numbers of any kind, as f64, row by row.
#[derive(Clone, Debug)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// One input for all strategies, with what each is expected to give. The arrays are those of
/// `tests/fixtures/strategies/README.md`.
pub struct Case {
    pub name: String,
    /// Allowed difference, relative to max(1, |expected|).
    pub tolerance: f64,
    arrays: BTreeMap<String, Array>,
}

/// The large input: 300 unlabeled and 60 labeled texts, 40 labels, vectors of 24 numbers.
///
/// # Panics
/// Panics if the file cannot be read.
pub fn shelf() -> Case {
    Case { name: "shelf".to_owned(), tolerance: 1e-12, arrays: read::npz("shelf.npz") }
}

/// Another large input with other names of arrays: 300 and 60 texts, 20 labels. Its inputs are f64 and are
/// rounded to f32 here, hence the tolerance.
///
/// # Panics
/// Panics if the file cannot be read.
pub fn misc() -> Case {
    Case { name: "misc".to_owned(), tolerance: 2e-6, arrays: read::npz("misc.npz") }
}

/// Five corner cases with the names of [`shelf`]: `one_label`, `all_equal`, `none_labelled`,
/// `fewer_rows_than_k`, `pool_of_one`. Their inputs are f64 and are rounded to f32 here, hence the
/// tolerance.
///
/// # Panics
/// Panics if the file cannot be read.
pub fn edges() -> Vec<Case> {
    let cases = read::json("shelf_edge.json").into_iter();
    cases.map(|(name, arrays)| Case { name, tolerance: 2e-6, arrays }).collect()
}

/// The large input and the corner cases.
///
/// # Panics
/// Panics if a file cannot be read.
pub fn all() -> Vec<Case> {
    let mut all = edges();
    all.push(shelf());
    all
}

impl Case {
    /// # Panics
    /// Panics if there is no such array.
    pub fn array(&self, name: &str) -> &Array {
        self.arrays.get(name).unwrap_or_else(|| panic!("{} has no array `{name}`", self.name))
    }

    /// Whether the case has an array.
    pub fn has(&self, name: &str) -> bool {
        self.arrays.contains_key(name)
    }

    /// The values of an array, row by row.
    pub fn values(&self, name: &str) -> &[f64] {
        &self.array(name).values
    }

    /// The values as what a strategy is lent.
    pub fn f32s(&self, name: &str) -> Vec<f32> {
        self.values(name).iter().map(|&x| x as f32).collect()
    }

    /// Whole numbers, such as rows or picks.
    pub fn u32s(&self, name: &str) -> Vec<u32> {
        self.values(name).iter().map(|&x| x as u32).collect()
    }

    /// An array of one number.
    pub fn number(&self, name: &str) -> f64 {
        self.values(name)[0]
    }

    /// An array of one whole number.
    pub fn whole(&self, name: &str) -> usize {
        self.number(name) as usize
    }

    /// The last extent; 0 for an array without rows.
    pub fn cols(&self, name: &str) -> usize {
        self.array(name).shape.last().copied().unwrap_or(0)
    }

    /// The first extent.
    pub fn rows(&self, name: &str) -> usize {
        self.array(name).shape.first().copied().unwrap_or(0)
    }

    /// The rows of a matrix of 0 and 1 as sets of columns, ascending.
    pub fn sets(&self, name: &str) -> Vec<Vec<u32>> {
        let row =
            |row: &[f64]| (0..).zip(row).filter_map(|(c, &y)| (y > 0.5).then_some(c)).collect();
        self.values(name).chunks(self.cols(name).max(1)).map(row).collect()
    }

    /// Compares with an array of the case.
    ///
    /// # Panics
    /// Panics where they differ by more than the tolerance.
    pub fn assert_close(&self, name: &str, got: &[f64]) {
        self.assert_within(name, got, self.tolerance);
    }

    /// Compares with an array of the case, with a tolerance of its own.
    ///
    /// # Panics
    /// Panics where they differ by more than the tolerance.
    pub fn assert_within(&self, name: &str, got: &[f64], tolerance: f64) {
        let expected = self.values(name);
        assert_eq!(got.len(), expected.len(), "length of `{name}` in {}", self.name);
        for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
            let is_close = (got - expected).abs() <= tolerance * expected.abs().max(1.0);
            assert!(is_close, "`{name}`[{i}] in {}: {got}, expected {expected}", self.name);
        }
    }

    /// Compares picks with those of the case.
    ///
    /// # Panics
    /// Panics where they differ.
    pub fn assert_picks(&self, name: &str, got: &[u32]) {
        assert_eq!(got, self.u32s(name), "`{name}` in {}", self.name);
    }
}
