//! EURLEX57K (Chalkidis et al. 2019): EU laws with EuroVoc descriptors, one JSON file a law.
//!
//! `datasets.zip` unpacks to `dataset/{train,dev,test}/*.json`; the zip is read as it is, too. The
//! hierarchy is a JSON object from a descriptor's id to its label and parents. A leaf is a
//! descriptor that is nobody's parent, so a parent that is no descriptor itself does no harm: it
//! becomes one, and is counted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;
use serde::Deserialize;

use crate::document::{Document, Part};
use crate::error::PrepareError;
use crate::hierarchy::{Hierarchy, Node};
use crate::options::{LeafRule, Options, Split};
use crate::progress::Progress;
use crate::recipe::{About, Knob, Official, PaperRow, Recipe};
use crate::source::{Member, Source};
use crate::text::utf8;
use crate::walk;

pub(crate) struct EurLex;

const ZIP: &str = "datasets.zip";
/// The name it is distributed under, and the one that the reference code saves it under.
const HIERARCHIES: [&str; 2] = ["eurovoc_en.json", "EURLEX57K.json"];

static ABOUT: About = About {
    name: "eurlex",
    title: "EurLex (EURLEX57K)",
    obtain: "`datasets.zip` (or the folder `dataset` in it) and `eurovoc_en.json`, both from \
             http://nlp.cs.aueb.gr/software_and_datasets/EURLEX57K/",
    licence: "CC BY-SA 4.0 (the texts: EU institutions, reuse with attribution)",
    offers: &[Knob::Leaf, Knob::Text],
    text_fields: &["title", "header", "recitals", "main_body", "attachments"],
    official: Official::All,
    paper: PaperRow {
        splits: Some([44_689, 5_963, 5_954]),
        texts: 56_606,
        classes: 739,
        labels_per_text: 4.387,
        over_train: true,
        open: "The paper does not say whether \"fewer than 50 samples\" counts train texts \
               (`--min-count-scope train`) or all (the default), nor whether titles are part of \
               the text.",
    },
};

impl Recipe for EurLex {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn defaults(&self) -> Options {
        Options {
            leaf: LeafRule::Structural,
            min_count: 50,
            text: ABOUT.text_fields[1..].iter().map(|&field| field.to_owned()).collect(),
            ..Options::plain(Split::official())
        }
    }

    fn hierarchy(&self, source: &Source, _options: &Options) -> Result<Hierarchy, PrepareError> {
        let found = match source.find(HIERARCHIES[0])? {
            Some(found) => found,
            None => match source.find(HIERARCHIES[1])? {
                Some(found) => found,
                None => return Err(source.missing(HIERARCHIES[0])),
            },
        };
        let place = found.to_string();
        let bytes = source.bytes(&found)?;
        let concepts: BTreeMap<String, Concept> = json(&place, &bytes)?;
        let nodes: Vec<Node> = concepts
            .into_iter()
            .map(|(id, concept)| {
                let name = concept.label.unwrap_or_else(|| id.clone());
                Node { id, name, parents: concept.parents.unwrap_or_default() }
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
        for part in Part::ALL {
            let (tree, below) = tree(source, part)?;
            let mut n_files = 0;
            let wanted =
                |name: &str| name.strip_suffix(".json").is_some() && is_below(name, &below);
            walk::each_batch_below(source, &tree, &wanted, progress, &mut |members| {
                n_files += members.len();
                let laws: Vec<Result<Document, PrepareError>> =
                    members.par_iter().map(|file| law(file, part, options)).collect();
                laws.into_iter().try_for_each(|law| each(law?))
            })?;
            if n_files == 0 {
                return Err(no_files(source, part));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Concept {
    label: Option<String>,
    parents: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Law {
    celex_id: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    header: Option<String>,
    #[serde(default)]
    recitals: Option<String>,
    #[serde(default)]
    main_body: Vec<String>,
    #[serde(default)]
    attachments: Option<String>,
    concepts: Vec<String>,
}

/// Finds the files of a part: a folder, or the zip and the folder in it.
fn tree(source: &Source, part: Part) -> Result<(PathBuf, String), PrepareError> {
    for parent in ["dataset", "datasets", "."] {
        let folder = source.folder().join(parent).join(part.name());
        if folder.is_dir() {
            return Ok((folder, String::new()));
        }
    }
    let zip = source.folder().join(ZIP);
    match part {
        _ if zip.is_file() => Ok((zip, part.name().to_owned())),
        // The first that is asked for: perhaps nothing is there at all.
        Part::Train => Err(source.missing(ZIP)),
        _ => Err(no_files(source, part)),
    }
}

fn no_files(source: &Source, part: Part) -> PrepareError {
    source.missing(&format!("{}/*.json", part.name()))
}

/// Whether a file stands in a folder of this name; any, if it is empty.
fn is_below(name: &str, folder: &str) -> bool {
    folder.is_empty() || name.rsplit(['/', ':']).nth(1) == Some(folder)
}

fn law(file: &Member, part: Part, options: &Options) -> Result<Document, PrepareError> {
    let law: Law = json(&file.name, &file.bytes)?;
    let body = law.main_body.join("\n");
    let fields = options.text.iter().map(|field| match field.as_str() {
        "title" => law.title.as_deref().unwrap_or_default(),
        "header" => law.header.as_deref().unwrap_or_default(),
        "recitals" => law.recitals.as_deref().unwrap_or_default(),
        "main_body" => &body,
        _ => law.attachments.as_deref().unwrap_or_default(),
    });
    let text = fields.collect::<Vec<_>>().join("\n");
    let stem = walk::file_name(&file.name).trim_end_matches(".json");
    let id = law.celex_id.unwrap_or_else(|| stem.to_owned());
    Ok(Document { id, text, labels: law.concepts, part })
}

fn json<'a, T: Deserialize<'a>>(place: &str, bytes: &'a [u8]) -> Result<T, PrepareError> {
    serde_json::from_str(utf8(place, 1, bytes)?).map_err(|error| PrepareError::Malformed {
        place: place.to_owned(),
        problem: error.to_string(),
        hint: "the file must be the distribution's own JSON; an interrupted download leaves a \
               truncated file"
            .to_owned(),
    })
}
