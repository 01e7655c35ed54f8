//! arXiv's metadata as Kaggle distributes it (Cornell-University/arxiv): one JSON object a line,
//! some 4 GB.
//!
//! Labels are the codes in `categories`. What stands before a code's dot is its archive. Leaves are
//! codes with a dot, and the nine archives without subjects; `astro-ph` or `cond-mat` alone are
//! codes from before these archives had subjects, and internal. Titles and abstracts are wrapped
//! with line ends and blanks, which are collapsed.

use std::borrow::Cow;
use std::ops::ControlFlow;

use alhost_base::blocks::Block;
use rayon::prelude::*;
use serde::Deserialize;

use crate::document::{Document, Part};
use crate::error::PrepareError;
use crate::hierarchy::Hierarchy;
use crate::options::{LeafRule, Options, Share, Split, SplitKind};
use crate::progress::Progress;
use crate::recipe::{About, Knob, Official, PaperRow, Recipe};
use crate::source::Source;
use crate::text::{BLOCK, blocks, push_collapsed, utf8};

pub(crate) struct Arxiv;

const FILE: &str = "arxiv-metadata-oai-*.json";

/// Archives that have no subjects.
const LEAF_ARCHIVES: [&str; 9] =
    ["gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th", "math-ph", "nucl-ex", "nucl-th", "quant-ph"];

/// Codes that arXiv puts on the same papers; the first becomes the second.
const ALIASES: [(&str, &str); 6] = [
    ("cs.NA", "math.NA"),
    ("cs.SY", "eess.SY"),
    ("math.IT", "cs.IT"),
    ("math.MP", "math-ph"),
    ("q-fin.EC", "econ.GN"),
    ("stat.TH", "math.ST"),
];

static ABOUT: About = About {
    name: "arxiv",
    title: "arXiv (Kaggle Cornell-University/arxiv)",
    obtain: "`arxiv-metadata-oai-snapshot.json`, as it is, compressed or in the `.zip`, from \
             https://www.kaggle.com/datasets/Cornell-University/arxiv",
    licence: "CC0 (the metadata)",
    offers: &[Knob::Leaf, Knob::MergeAliases, Knob::Text, Knob::Limit, Knob::Dates],
    text_fields: &["title", "abstract"],
    official: Official::None,
    paper: PaperRow {
        splits: None,
        texts: 294_830,
        classes: 113,
        labels_per_text: 1.68,
        over_train: false,
        open: "The paper's row cannot be had again: it names neither the subset of arXiv's two \
               million texts nor the rule that left 113 classes. `--limit`, `--date-range` and \
               `--min-count` make subsets of that size.",
    },
};

impl Recipe for Arxiv {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn defaults(&self) -> Options {
        let tenth = Share::Fraction(0.1);
        let draws = [(Part::Test, tenth), (Part::Dev, tenth)];
        Options {
            leaf: LeafRule::Structural,
            text: ABOUT.text_fields.iter().map(|&field| field.to_owned()).collect(),
            ..Options::plain(Split::drawn(SplitKind::Bernoulli, &draws))
        }
    }

    fn hierarchy(&self, _source: &Source, _options: &Options) -> Result<Hierarchy, PrepareError> {
        Ok(Hierarchy::by_path('.', Some(&LEAF_ARCHIVES)))
    }

    fn documents(
        &self,
        source: &Source,
        options: &Options,
        progress: &dyn Progress,
        each: &mut dyn FnMut(Document) -> Result<(), PrepareError>,
    ) -> Result<(), PrepareError> {
        let found = source.require(FILE)?;
        let place = found.to_string();
        let mut n_left = options.limit.unwrap_or(u64::MAX);
        source.read(&found, progress, |reader| {
            blocks(&place, reader, BLOCK, |block| {
                let papers = papers(&place, block, options);
                for paper in papers.into_iter().take(usize::try_from(n_left).unwrap_or(usize::MAX))
                {
                    n_left -= 1;
                    match paper? {
                        Read::Paper(document) => each(document)?,
                        Read::OutsideDates => source.left_out("outside the dates"),
                        Read::NoDate => source.left_out("without a date"),
                    }
                }
                Ok(if n_left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })
        })
    }
}

enum Read {
    Paper(Document),
    OutsideDates,
    NoDate,
}

/// The fields that are needed; serde skips the rest without making anything of it.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    title: Cow<'a, str>,
    #[serde(borrow, rename = "abstract")]
    summary: Cow<'a, str>,
    #[serde(borrow)]
    categories: Cow<'a, str>,
    #[serde(borrow, default)]
    versions: Vec<Version<'a>>,
}

#[derive(Deserialize)]
struct Version<'a> {
    #[serde(borrow)]
    created: Cow<'a, str>,
}

fn papers(place: &str, block: &Block, options: &Options) -> Vec<Result<Read, PrepareError>> {
    let lines = block.lines();
    let lines = lines.par_iter().filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.map(|&(number, line)| paper(place, number, line, options)).collect()
}

fn paper(place: &str, number: u64, line: &[u8], options: &Options) -> Result<Read, PrepareError> {
    let line = utf8(place, number, line)?;
    let line: Line<'_> = serde_json::from_str(line).map_err(|error| told(place, number, &error))?;
    if let Some(dates) = &options.dates {
        match line.versions.first().and_then(|version| day(&version.created)) {
            None => return Ok(Read::NoDate),
            Some(day) if !dates.contains(&day) => return Ok(Read::OutsideDates),
            Some(_) => {}
        }
    }
    let mut text = String::with_capacity(line.title.len() + line.summary.len() + 1);
    for field in &options.text {
        push_collapsed(if field == "title" { &line.title } else { &line.summary }, &mut text);
    }
    let labels = labels(&line.categories, options.merge_aliases);
    Ok(Read::Paper(Document { id: line.id.into_owned(), text, labels, part: Part::Unassigned }))
}

fn labels(categories: &str, merge_aliases: bool) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for code in categories.split_whitespace() {
        let alias = ALIASES.iter().find(|(alias, _)| merge_aliases && *alias == code);
        let code = alias.map_or(code, |(_, code)| code);
        // Both codes of a paper become one on purpose; a code that was repeated is counted later.
        let is_merged = merge_aliases
            && labels.iter().any(|label| label == code)
            && ALIASES.iter().any(|(_, kept)| *kept == code);
        if !is_merged {
            labels.push(code.to_owned());
        }
    }
    labels
}

/// Reads `2007-04-02` of `Mon, 2 Apr 2007 19:18:42 GMT`, the day of a paper's first version.
fn day(created: &str) -> Option<String> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = created.split_whitespace().skip(1);
    let day: u32 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|&month| month == name)? + 1;
    let year: u32 = words.next()?.parse().ok()?;
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

fn told(place: &str, number: u64, error: &serde_json::Error) -> PrepareError {
    let message = error.to_string();
    let problem = message.split(" at line ").next().unwrap_or(&message).to_owned();
    PrepareError::Malformed {
        place: format!("{place}:{number}:{}", error.column()),
        problem,
        hint: "each line is one whole object with `id`, `title`, `abstract` and `categories`; a \
               download that was interrupted ends in the middle of a line"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_the_first_version_is_read() {
        assert_eq!(day("Mon, 2 Apr 2007 19:18:42 GMT").as_deref(), Some("2007-04-02"));
        assert_eq!(day("Thu, 31 Dec 1992 00:00:00 GMT").as_deref(), Some("1992-12-31"));
        for wrong in ["", "2007-04-02", "Mon, 2 April 2007", "Mon, x Apr 2007"] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn aliases_are_merged_only_if_asked() {
        let check = |merge, expected: &[&str]| {
            assert_eq!(labels("cs.IT math.IT math.MP hep-th", merge), expected);
        };
        check(false, &["cs.IT", "math.IT", "math.MP", "hep-th"]);
        check(true, &["cs.IT", "math-ph", "hep-th"]);
    }
}
