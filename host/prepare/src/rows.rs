//! The labels of every text, as few bytes a text as can be, since texts may be millions.

/// One row of labels per text, in the order of the source.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    labels: Vec<u32>,
    ends: Vec<usize>,
}

impl Rows {
    pub(crate) fn push(&mut self, row: &[u32]) {
        self.labels.extend_from_slice(row);
        self.ends.push(self.labels.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn row(&self, text: usize) -> &[u32] {
        let start = text.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.labels[start..self.ends[text]]
    }

    /// Keeps of each row what `keep` leaves of it, in place.
    pub(crate) fn filter(&mut self, mut keep: impl FnMut(&[u32], &mut Vec<u32>)) {
        let (mut start, mut n_kept, mut kept) = (0, 0, Vec::new());
        for end in &mut self.ends {
            kept.clear();
            keep(&self.labels[start..*end], &mut kept);
            start = *end;
            // Never longer than what was there, so that nothing unread is overwritten.
            self.labels[n_kept..n_kept + kept.len()].copy_from_slice(&kept);
            n_kept += kept.len();
            *end = n_kept;
        }
        self.labels.truncate(n_kept);
    }
}
