//! The first reviews of each business, brought together on disk.
//!
//! The reviews of a business are strewn over a file of 5 GB that may lie in an archive, where one
//! cannot seek. So one pass appends the texts that are wanted to a temporary file (at most
//! `per_business` for each business: 1 GB for the dump of 2021) and keeps in memory where each
//! begins: 16 bytes a kept review, 21 MB for that dump, however long the file of reviews is.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Place of the text of one review in the temporary file.
struct Review {
    business: u32,
    len: u32,
    start: u64,
}

/// The reviews while they are read.
pub(crate) struct Spool {
    file: BufWriter<File>,
    reviews: Vec<Review>,
    /// Reviews kept so far of each business.
    kept: Vec<u32>,
    per_business: u32,
    len: u64,
}

impl Spool {
    /// The temporary file is made in `folder` and has no name, so it goes with the process.
    pub(crate) fn new(folder: &Path, n_businesses: usize, per_business: u32) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 20, tempfile::tempfile_in(folder)?);
        let kept = vec![0; n_businesses];
        Ok(Self { file, reviews: Vec::new(), kept, per_business, len: 0 })
    }

    /// Whether another review of this business would be kept.
    pub(crate) fn wants(&self, business: usize) -> bool {
        self.kept[business] < self.per_business
    }

    /// Keeps a review, unless the business has enough of them.
    pub(crate) fn add(&mut self, business: usize, text: &str) -> io::Result<()> {
        if !self.wants(business) {
            return Ok(());
        }
        let len = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.file.write_all(text.as_bytes())?;
        self.reviews.push(Review { business: business as u32, len, start: self.len });
        self.kept[business] += 1;
        self.len += u64::from(len);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<Reviews> {
        // A stable sort: the reviews of a business stay in the order of the dump.
        self.reviews.sort_by_key(|review| review.business);
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Reviews { file, reviews: self.reviews })
    }
}

/// The reviews, business by business.
pub(crate) struct Reviews {
    file: File,
    reviews: Vec<Review>,
}

impl Reviews {
    /// The reviews of one business, joined by a blank; empty where it has none.
    pub(crate) fn joined(&self, business: usize) -> io::Result<String> {
        let start = self.reviews.partition_point(|review| (review.business as usize) < business);
        let of_it = self.reviews[start..].iter();
        let mut texts = Vec::new();
        for review in of_it.take_while(|review| review.business as usize == business) {
            let mut bytes = vec![0; review.len as usize];
            self.file.read_exact_at(&mut bytes, review.start)?;
            texts.push(String::from_utf8(bytes).map_err(io::Error::other)?);
        }
        Ok(texts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reviews_of_each_business_come_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path(), 3, 2).unwrap();
        for (business, text) in [(2, "c1"), (0, "a1"), (2, "c\u{e9}2"), (2, "c3"), (0, "a2")] {
            spool.add(business, text).unwrap();
        }
        assert!(!spool.wants(2) && spool.wants(1));
        let reviews = spool.finish().unwrap();
        assert_eq!(reviews.joined(0).unwrap(), "a1 a2");
        assert_eq!(reviews.joined(1).unwrap(), "");
        assert_eq!(reviews.joined(2).unwrap(), "c1 c\u{e9}2");
    }
}
