//! RCV1-v2 (Lewis et al. 2004): the stories of Reuters Corpus Volume 1, one XML file each in the
//! encoding ISO-8859-1, with the corrected topics of the LYRL2004 distribution.
//!
//! NIST sends `rcv1.tar.xz`, in which each day is a `.zip`; the CDs hold the days as `.zip` files or
//! folders. All of these are read. Topic codes in the XML are those of RCV1 before its correction and
//! are not looked at.

mod lyrl;
mod newsitem;

use std::io::BufReader;

use lyrl::{ItemIds, LineError, Qrels};
use newsitem::NewsItem;
use rayon::prelude::*;

use crate::document::{Document, Part};
use crate::error::PrepareError;
use crate::hierarchy::{Hierarchy, Node};
use crate::options::{LeafRule, Options, Share, Split, SplitKind};
use crate::progress::{Progress, Silent};
use crate::recipe::{About, Knob, Official, PaperRow, Recipe};
use crate::source::{Member, Source};
use crate::walk;

pub(crate) struct Rcv1;

const STORY: &str = "newsML.xml";
const IDS: &str = "rcv1v2-ids.dat";
const QRELS: &str = "rcv1-v2.topics.qrels";
const TOPICS: &str = "rcv1.topics.hier.orig";

static ABOUT: About = About {
    name: "rcv1",
    title: "RCV1-v2 (LYRL2004)",
    obtain: "the stories: `rcv1.tar.xz` of Reuters Corpus Volume 1, or its folders `19960820` and \
             so on, from https://trec.nist.gov/data/reuters/reuters.html; and \
             `rcv1v2-ids.dat`, `rcv1-v2.topics.qrels` and `rcv1.topics.hier.orig`, on-line \
             appendices 7, 8 and 2 of \
             http://jmlr.csail.mit.edu/papers/volume5/lewis04a/lyrl2004_rcv1v2_README.htm",
    licence: "the stories: an agreement with NIST, free of charge, for research only, no \
              redistribution; the appendices: for research, with the article cited",
    offers: &[Knob::Leaf, Knob::Text],
    text_fields: &["headline", "body"],
    official: Official::TrainAndTest,
    paper: PaperRow {
        splits: Some([20_816, 2_333, 781_265]),
        texts: 804_414,
        classes: 100,
        labels_per_text: 1.53,
        over_train: false,
        open: "The paper does not say which three of the 103 codes vanish, nor what a text is \
               made of, nor how dev was drawn from train.",
    },
};

impl Recipe for Rcv1 {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn defaults(&self) -> Options {
        let draws = [(Part::Dev, Share::Fraction(0.1))];
        Options {
            leaf: LeafRule::MostSpecific,
            text: ABOUT.text_fields.iter().map(|&field| field.to_owned()).collect(),
            ..Options::plain(Split::drawn(SplitKind::Bernoulli, &draws))
        }
    }

    fn hierarchy(&self, source: &Source, _options: &Options) -> Result<Hierarchy, PrepareError> {
        let (place, topics) = lines(source, TOPICS, |reader| lyrl::read_topics(reader))?;
        let nodes: Vec<Node> = topics
            .into_iter()
            .map(|topic| Node {
                id: topic.code,
                name: topic.name,
                parents: topic.parent.into_iter().collect(),
            })
            .collect();
        Hierarchy::new(&place, &nodes)
    }

    fn documents(
        &self,
        source: &Source,
        options: &Options,
        progress: &dyn Progress,
        each: &mut dyn FnMut(Document) -> Result<(), PrepareError>,
    ) -> Result<(), PrepareError> {
        let (_, ids) = lines(source, IDS, |reader| ItemIds::read(reader))?;
        let (_, qrels) = lines(source, QRELS, |reader| Qrels::read(reader))?;
        let (mut n_files, mut n_in_collection) = (0, 0);
        let wanted = |place: &str| place.ends_with(STORY);
        walk::each_batch(source, &wanted, progress, &mut |files| {
            n_files += files.len();
            let stories: Vec<_> = files.par_iter().map(|file| (file, story(file))).collect();
            for (file, story) in stories {
                let (id, story) = story?;
                if !ids.contains(id) {
                    source.left_out("not in RCV1-v2");
                    continue;
                }
                n_in_collection += 1;
                let text = text(&story, options);
                let part = part(file, id)?;
                each(Document { id: id.to_string(), text, labels: qrels.topics(id), part })?;
            }
            Ok(())
        })?;
        if n_files == 0 {
            return Err(source.missing("rcv1.tar.xz"));
        }
        let n_missing = ids.len().saturating_sub(n_in_collection);
        if n_missing > 0 {
            source.remark("stories of RCV1-v2 that are not in the source", n_missing as u64);
        }
        Ok(())
    }
}

/// Reads a file of LYRL2004 and gives its place too.
fn lines<T>(
    source: &Source,
    name: &str,
    read: impl FnOnce(BufReader<&mut dyn std::io::Read>) -> Result<T, LineError>,
) -> Result<(String, T), PrepareError> {
    let found = source.require(name)?;
    let place = found.to_string();
    let value = source.read(&found, &Silent, |reader| {
        read(BufReader::new(reader)).map_err(|error| PrepareError::Malformed {
            place: place.clone(),
            problem: error.to_string(),
            hint: "get the file again from the on-line appendices of LYRL2004".to_owned(),
        })
    })?;
    Ok((place, value))
}

fn malformed(file: &Member, problem: String) -> PrepareError {
    PrepareError::Malformed {
        place: file.name.clone(),
        problem,
        hint: "each story is one whole file `<newsitem itemid=...>`; get its archive again"
            .to_owned(),
    }
}

fn story(file: &Member) -> Result<(u32, NewsItem), PrepareError> {
    let story = newsitem::parse(&file.bytes).map_err(|error| malformed(file, error.to_string()))?;
    match story.id {
        Some(id) => Ok((id, story)),
        None => Err(malformed(file, "<newsitem> has no number as its `itemid`".to_owned())),
    }
}

fn text(story: &NewsItem, options: &Options) -> String {
    let fields = options.text.iter().map(|field| match field.as_str() {
        "headline" => story.headline.clone(),
        _ => story.paragraphs.join("\n"),
    });
    fields.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

fn part(file: &Member, id: u32) -> Result<Part, PrepareError> {
    lyrl::part_of(id).ok_or_else(|| {
        malformed(
            file,
            format!("item id {id} is in no part of the LYRL2004 split (2286 to 810596)"),
        )
    })
}
