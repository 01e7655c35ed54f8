//! Labels of texts, sparse: one sorted list of label ids a text (CSR).

#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::struct_field_names, reason = "`n_labels` is the name of this number everywhere")]
pub struct Labels {
    /// Row `i` is `ids[offsets[i]..offsets[i + 1]]`.
    offsets: Vec<u64>,
    ids: Vec<u32>,
    n_labels: usize,
}

impl Labels {
    pub fn new(n_labels: usize) -> Self {
        Self { offsets: vec![0], ids: Vec::new(), n_labels }
    }

    /// Appends a text; `labels` may come in any order, and a repeated label counts once.
    ///
    /// # Panics
    /// If a label is not below `n_labels`.
    pub fn push(&mut self, labels: &[u32]) {
        let start = self.ids.len();
        self.ids.extend_from_slice(labels);
        let row = &mut self.ids[start..];
        row.sort_unstable();
        assert!(row.last().is_none_or(|&l| (l as usize) < self.n_labels), "label out of range");
        let mut kept = start;
        for i in start..self.ids.len() {
            if i == start || self.ids[i] != self.ids[kept - 1] {
                self.ids[kept] = self.ids[i];
                kept += 1;
            }
        }
        self.ids.truncate(kept);
        self.offsets.push(kept as u64);
    }

    pub fn row(&self, text: usize) -> &[u32] {
        &self.ids[self.offsets[text] as usize..self.offsets[text + 1] as usize]
    }

    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        (0..self.len()).map(|text| self.row(text))
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn n_labels(&self) -> usize {
        self.n_labels
    }

    /// All (text, label) pairs.
    pub fn n_assignments(&self) -> usize {
        self.ids.len()
    }

    /// Label cardinality: mean labels of a text; 0 without texts.
    pub fn cardinality(&self) -> f64 {
        if self.is_empty() { 0.0 } else { self.ids.len() as f64 / self.len() as f64 }
    }

    /// Counts the texts that carry each label.
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.n_labels];
        for &label in &self.ids {
            counts[label as usize] += 1;
        }
        counts
    }

    /// The parts of the CSR form: `len() + 1` offsets, and the label ids.
    pub fn csr(&self) -> (&[u64], &[u32]) {
        (&self.offsets, &self.ids)
    }
}
