//! The New York Times Annotated Corpus (LDC2008T19): 1,855,658 articles in NITF, one archive a month
//! (`data/1987/01.tgz`), read as they are or unpacked.
//!
//! Labels are the taxonomic classifiers, paths such as `Top/News/World/Europe` of which every prefix
//! stands above it; so the hierarchy comes with them. The paper's 36,486 texts are in all likelihood the
//! 2% of `HiLAP` (Mao et al. 2019) less those without a text or a label.

mod nitf;

use nitf::Article;
use rayon::prelude::*;

use crate::document::{Document, Part};
use crate::error::PrepareError;
use crate::hierarchy::Hierarchy;
use crate::options::{LeafRule, Options, Share, Split, SplitKind};
use crate::progress::Progress;
use crate::recipe::{About, Knob, Official, PaperRow, Recipe};
use crate::source::{Member, Source};
use crate::walk;

pub(crate) struct Nyt;

static ABOUT: About = About {
    name: "nyt",
    title: "The New York Times Annotated Corpus",
    obtain: "LDC2008T19, its folder `data` with `1987/01.tgz` to `2007/06.tgz`, unpacked or not, \
             from https://catalog.ldc.upenn.edu/LDC2008T19",
    licence: "LDC user agreement, for a fee: no redistribution",
    offers: &[Knob::Leaf, Knob::Text, Knob::Sample],
    text_fields: &["headline", "full_text", "hilap"],
    official: Official::None,
    paper: PaperRow {
        splits: None,
        texts: 36_486,
        classes: 303,
        labels_per_text: 2.62,
        over_train: false,
        open: "The paper names neither its sample nor the minimum count nor the seeds. The lists \
               that HiAGM publishes (`--ids-train` and the others; 36,471 texts of the same 2%) \
               are the sample that can be had again.",
    },
};

impl Recipe for Nyt {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn defaults(&self) -> Options {
        let draws = [(Part::Test, Share::Fraction(0.3)), (Part::Dev, Share::Fraction(0.1))];
        Options {
            leaf: LeafRule::MostSpecific,
            min_count: 50,
            text: vec!["full_text".to_owned()],
            sample: Some(0.02),
            ..Options::plain(Split::drawn(SplitKind::Bernoulli, &draws))
        }
    }

    fn hierarchy(&self, _source: &Source, _options: &Options) -> Result<Hierarchy, PrepareError> {
        Ok(Hierarchy::by_path('/', None))
    }

    fn documents(
        &self,
        source: &Source,
        options: &Options,
        progress: &dyn Progress,
        each: &mut dyn FnMut(Document) -> Result<(), PrepareError>,
    ) -> Result<(), PrepareError> {
        let n_files = std::cell::Cell::new(0_u64);
        // Asked before parsing: of a sample of 2%, the rest is only unpacked.
        let wanted = |place: &str| {
            article_id(place).is_some_and(|id| {
                n_files.set(n_files.get() + 1);
                source.takes(id)
            })
        };
        walk::each_batch(source, &wanted, progress, &mut |files| {
            let articles: Vec<_> = files.par_iter().map(|file| (file, article(file))).collect();
            for (file, article) in articles {
                if let Some(document) = document(source, file, article?, options) {
                    each(document)?;
                }
            }
            Ok(())
        })?;
        if n_files.get() == 0 {
            return Err(source.missing("data/1987/01.tgz"));
        }
        Ok(())
    }

    /// `HiAGM` lists articles as `Nytimes/1995/0799990.xml`.
    fn listed_id<'a>(&self, line: &'a str) -> &'a str {
        article_id(line).unwrap_or(line)
    }
}

/// Reads `799990` of `data/1995/10.tgz:10/04/0799990.xml`; none if the file is no article.
fn article_id(place: &str) -> Option<&str> {
    let number = walk::file_name(place).strip_suffix(".xml")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let id = number.trim_start_matches('0');
    is_number.then_some(if id.is_empty() { "0" } else { id })
}

fn article(file: &Member) -> Result<Article, PrepareError> {
    nitf::parse(&file.bytes).map_err(|error| PrepareError::Malformed {
        place: file.name.clone(),
        problem: error.to_string(),
        hint: "each article is one whole NITF file; get its archive again".to_owned(),
    })
}

fn document(
    source: &Source,
    file: &Member,
    article: Article,
    options: &Options,
) -> Option<Document> {
    let id = article_id(&file.name)?;
    if article
        .id
        .as_deref()
        .is_some_and(|own| own.trim_start_matches('0') != id.trim_start_matches('0'))
    {
        source.remark("articles with another doc-id than their file", 1);
    }
    let fields = options.text.iter().map(|field| match field.as_str() {
        "headline" => article.headline.clone(),
        "full_text" => article.full_text.join("\n"),
        // As HiLAP and HiAGM read articles: every paragraph but the first, without anything between
        // them, so that words are fused and the lead stands there twice.
        _ => article.paragraphs.get(1..).unwrap_or_default().concat(),
    });
    let fields: Vec<String> = fields.filter(|text| !text.is_empty()).collect();
    let has_body = options.text.iter().any(|field| field != "headline");
    if has_body && article.full_text.is_empty() {
        source.left_out("without a full text");
        return None;
    }
    let text = fields.join("\n");
    Some(Document { id: id.to_owned(), text, labels: article.taxonomy, part: Part::Unassigned })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_is_known_by_the_number_of_its_file() {
        assert_eq!(article_id("data/1995/10.tgz:10/04/0799990.xml"), Some("799990"));
        assert_eq!(article_id("Nytimes/1987/0000000.xml"), Some("0"));
        assert_eq!(article_id("docs/index.xml"), None);
        assert_eq!(article_id("10/04/0799990.txt"), None);
        assert_eq!(article_id(".xml"), None);
    }

    #[test]
    fn an_id_list_of_ours_is_read_too() {
        assert_eq!(Nyt.listed_id("Nytimes/1995/0799990.xml"), "799990");
        assert_eq!(Nyt.listed_id("799990"), "799990");
    }
}
