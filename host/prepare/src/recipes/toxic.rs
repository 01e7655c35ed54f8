//! Jigsaw's toxic comments (Kaggle 2018): a CSV file with one column a label.
//!
//! The paper holds out a fifth of `train.csv` and calls it dev, then a fifth of the rest as test:
//! 102,124 / 31,915 / 25,532 of 159,571. Kaggle's own test files are not used. Most comments have
//! no label, and stay.

use crate::document::{Document, Part};
use crate::error::PrepareError;
use crate::hierarchy::Hierarchy;
use crate::options::{Options, Share, Split, SplitKind, Unlabeled};
use crate::progress::Progress;
use crate::recipe::{About, Official, PaperRow, Recipe};
use crate::recipes::table::{Table, read};
use crate::source::Source;

pub(crate) struct Toxic;

const FILE: &str = "train.csv";
const LABELS: [&str; 6] = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"];

static ABOUT: About = About {
    name: "toxic",
    title: "Toxic (Jigsaw Toxic Comment Classification Challenge)",
    obtain: "`train.csv`, as it is or in a `.zip`, from \
             https://www.kaggle.com/c/jigsaw-toxic-comment-classification-challenge/data",
    licence: "CC0 (the texts are Wikipedia comments, CC BY-SA 3.0)",
    offers: &[],
    text_fields: &[],
    official: Official::None,
    paper: PaperRow {
        splits: Some([102_124, 31_915, 25_532]),
        texts: 159_571,
        classes: 6,
        labels_per_text: 0.22,
        over_train: true,
        open: "The seed of the split is not given, so the same numbers of texts are other texts.",
    },
};

impl Recipe for Toxic {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn defaults(&self) -> Options {
        let fifth = Share::Fraction(0.2);
        let draws = [(Part::Dev, fifth), (Part::Test, fifth)];
        let split = Split::drawn(SplitKind::Holdout, &draws);
        Options { unlabeled: Unlabeled::Keep, ..Options::plain(split) }
    }

    fn hierarchy(&self, _source: &Source, _options: &Options) -> Result<Hierarchy, PrepareError> {
        Ok(Hierarchy::flat(&LABELS.map(|label| (label, label))))
    }

    fn documents(
        &self,
        source: &Source,
        _options: &Options,
        progress: &dyn Progress,
        each: &mut dyn FnMut(Document) -> Result<(), PrepareError>,
    ) -> Result<(), PrepareError> {
        let found = source.require(FILE)?;
        read(source, &found, progress, |table| comments(table, each))
    }
}

fn comments(
    mut table: Table<'_>,
    each: &mut dyn FnMut(Document) -> Result<(), PrepareError>,
) -> Result<(), PrepareError> {
    let header = table.next()?.unwrap_or_default();
    let columns: Vec<&str> = header.iter().collect();
    let expected: Vec<&str> = ["id", "comment_text"].into_iter().chain(LABELS).collect();
    if columns != expected {
        let problem = format!("the header is `{}`", columns.join(","));
        let hint = format!("Kaggle's train.csv begins with `{}`", expected.join(","));
        return Err(table.malformed(&problem, &hint));
    }
    while let Some(row) = table.next()? {
        let mut labels = Vec::new();
        for (label, value) in LABELS.iter().zip(row.iter().skip(2)) {
            match value {
                "1" => labels.push((*label).to_owned()),
                "0" => {}
                _ => {
                    let problem = format!("`{label}` is `{value}`");
                    return Err(table.malformed(&problem, "a label is 0 or 1"));
                }
            }
        }
        let (id, text) = (row[0].to_owned(), row[1].to_owned());
        each(Document { id, text, labels, part: Part::Unassigned })?;
    }
    Ok(())
}
