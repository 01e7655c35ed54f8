//! The Yelp Open Dataset: businesses with their categories, and reviews, as JSON lines, plain or in the
//! archive that Yelp hands out.
//!
//! A text is a business: its first ten reviews, joined by a blank, as in `HiLAP` (Mao et al. 2019).
//! Labels are the aliases of `categories.json`, which has the hierarchy.

mod categories;
mod reviews;

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::ops::ControlFlow;

use categories::{Category, Named, Titles};
use rayon::prelude::*;
use reviews::Spool;
use serde::Deserialize;

use crate::document::{Document, Part};
use crate::error::PrepareError;
use crate::hierarchy::{Hierarchy, Node};
use crate::options::{LeafRule, Options, Share, Split, SplitKind, UnknownLabels};
use crate::progress::Progress;
use crate::recipe::{About, Knob, Official, PaperRow, Recipe};
use crate::source::Source;
use crate::text::{BLOCK, blocks, utf8};
use crate::walk;

pub(crate) struct Yelp;

const BUSINESSES: &str = "yelp_academic_dataset_business.json";
const REVIEWS: &str = "yelp_academic_dataset_review.json";
const CATEGORIES: &str = "categories.json";
const REVIEWS_A_BUSINESS: u32 = 10;

static ABOUT: About = About {
    name: "yelp",
    title: "Yelp Open Dataset",
    obtain: "`yelp_dataset.tar` (or from it `yelp_academic_dataset_business.json` and \
             `yelp_academic_dataset_review.json`) from https://business.yelp.com/data/resources/open-dataset/; \
             and `categories.json`, the list of all categories, from Yelp's Fusion API \
             (`GET /v3/categories`) or its documentation",
    licence: "Yelp Dataset License Agreement: personal, educational and academic use, no \
              redistribution",
    offers: &[Knob::Leaf],
    text_fields: &["reviews"],
    official: Official::None,
    paper: PaperRow {
        splits: None,
        texts: 160_470,
        classes: 580,
        labels_per_text: 2.309,
        over_train: true,
        open: "The paper names neither the release (that of 2021 has its number of businesses with \
               categories) nor the minimum count (the default, 100, is that of HiLAP) nor the \
               seeds.",
    },
};

impl Recipe for Yelp {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn defaults(&self) -> Options {
        let draws = [(Part::Test, Share::Fraction(0.3)), (Part::Dev, Share::Fraction(0.1))];
        Options {
            leaf: LeafRule::Structural,
            min_count: 100,
            // Categories come and go; the list and the dump are never of the same day.
            unknown_labels: UnknownLabels::Drop,
            text: vec!["reviews".to_owned()],
            ..Options::plain(Split::drawn(SplitKind::Bernoulli, &draws))
        }
    }

    fn hierarchy(&self, source: &Source, _options: &Options) -> Result<Hierarchy, PrepareError> {
        let (place, categories) = category_list(source)?;
        let n_ambiguous = Titles::new(&categories).n_ambiguous;
        if n_ambiguous > 0 {
            source.remark("categories with the title of an earlier one, never found", n_ambiguous);
        }
        let node = |category: Category| Node {
            id: category.alias,
            name: category.title,
            parents: category.parents,
        };
        let nodes: Vec<Node> = categories.into_iter().map(node).collect();
        Hierarchy::new(&place, &nodes)
    }

    fn documents(
        &self,
        source: &Source,
        _options: &Options,
        progress: &dyn Progress,
        each: &mut dyn FnMut(Document) -> Result<(), PrepareError>,
    ) -> Result<(), PrepareError> {
        let (_, categories) = category_list(source)?;
        let businesses = businesses(source, &Titles::new(&categories), progress)?;
        let texts = spool(source, &businesses, progress)?;
        for (index, business) in businesses.into_iter().enumerate() {
            let text = texts.joined(index).map_err(|error| spooled(source, error))?;
            if text.is_empty() {
                source.left_out("without a review");
                continue;
            }
            let (id, labels) = (business.id, business.labels);
            each(Document { id, text, labels, part: Part::Unassigned })?;
        }
        Ok(())
    }
}

fn category_list(source: &Source) -> Result<(String, Vec<Category>), PrepareError> {
    let found = source.require(CATEGORIES)?;
    let place = found.to_string();
    let bytes = source.bytes(&found)?;
    let categories = categories::parse(&bytes).map_err(|error| PrepareError::Malformed {
        place: place.clone(),
        problem: error.to_string(),
        hint: "it is a list of objects with `alias`, `title` and `parents`".to_owned(),
    })?;
    Ok((place, categories))
}

/// Holds what is kept of a business while the reviews are read: some 100 bytes.
struct Business {
    id: String,
    labels: Vec<String>,
}

#[derive(Deserialize)]
struct BusinessLine<'a> {
    #[serde(borrow)]
    business_id: Cow<'a, str>,
    categories: Option<Named>,
}

#[derive(Deserialize)]
struct ReviewLine<'a> {
    #[serde(borrow)]
    business_id: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

fn businesses(
    source: &Source,
    titles: &Titles,
    progress: &dyn Progress,
) -> Result<Vec<Business>, PrepareError> {
    let mut businesses = Vec::new();
    each_line(source, BUSINESSES, progress, |place, lines| {
        let parsed: Vec<Result<BusinessLine<'_>, PrepareError>> =
            lines.par_iter().map(|&(number, line)| json(place, number, line)).collect();
        for line in parsed {
            let line = line?;
            match &line.categories {
                _ if !source.takes(&line.business_id) => {}
                None => source.left_out("without categories"),
                Some(named) => {
                    let id = line.business_id.clone().into_owned();
                    businesses.push(Business { id, labels: titles.labels(named) });
                }
            }
        }
        Ok(())
    })?;
    Ok(businesses)
}

/// Brings the first reviews of each business together.
fn spool(
    source: &Source,
    businesses: &[Business],
    progress: &dyn Progress,
) -> Result<reviews::Reviews, PrepareError> {
    let place_of: HashMap<&str, usize> =
        businesses.iter().enumerate().map(|(index, business)| (&*business.id, index)).collect();
    let failed = |error| spooled(source, error);
    let mut spool =
        Spool::new(source.scratch(), businesses.len(), REVIEWS_A_BUSINESS).map_err(failed)?;
    each_line(source, REVIEWS, progress, |place, lines| {
        let parsed: Vec<Result<ReviewLine<'_>, PrepareError>> =
            lines.par_iter().map(|&(number, line)| json(place, number, line)).collect();
        for review in parsed {
            let review = review?;
            if let Some(&business) = place_of.get(&*review.business_id) {
                spool.add(business, review.text.trim()).map_err(failed)?;
            }
        }
        Ok(())
    })?;
    spool.finish().map_err(failed)
}

/// The lines of a file of the dump that are not blank, many at a time, wherever the file lies.
fn each_line(
    source: &Source,
    name: &str,
    progress: &dyn Progress,
    mut each: impl FnMut(&str, &[(u64, &[u8])]) -> Result<(), PrepareError>,
) -> Result<(), PrepareError> {
    let mut places: Vec<String> = Vec::new();
    let wanted = |place: &str| {
        let file = walk::file_name(place);
        [".gz", ".zst", ""].iter().any(|ending| file.strip_suffix(ending) == Some(name))
    };
    walk::each_file(source, &wanted, progress, &mut |place, reader: &mut dyn Read| {
        places.push(place.to_owned());
        if places.len() > 1 {
            let (folder, wanted) = (source.folder().to_owned(), name.to_owned());
            let found = std::mem::take(&mut places);
            return Err(PrepareError::Ambiguous { folder, wanted, found });
        }
        blocks(place, reader, BLOCK, |block| {
            let mut lines = block.lines();
            lines.retain(|(_, line)| !line.trim_ascii().is_empty());
            each(place, &lines).map(ControlFlow::Continue)
        })
    })?;
    if places.is_empty() { Err(source.missing(name)) } else { Ok(()) }
}

fn json<'a, T: Deserialize<'a>>(
    place: &str,
    number: u64,
    line: &'a [u8],
) -> Result<T, PrepareError> {
    serde_json::from_str(utf8(place, number, line)?).map_err(|error| {
        let message = error.to_string();
        let problem = message.split(" at line ").next().unwrap_or(&message).to_owned();
        PrepareError::Malformed {
            place: format!("{place}:{number}:{}", error.column()),
            problem,
            hint:
                "each line is one whole JSON object; a download that was interrupted ends in the \
                   middle of a line"
                    .to_owned(),
        }
    })
}

fn spooled(source: &Source, error: std::io::Error) -> PrepareError {
    PrepareError::Write { place: source.scratch().display().to_string(), source: error }
}
