//! Makes a data set's folder of a recipe's source: two passes and what lies between them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::choices::Choices;
use crate::collect::collect;
use crate::document::Part;
use crate::error::PrepareError;
use crate::filter::{Filtered, Step, filter};
use crate::ids::IdLists;
use crate::meta::{self, hashed};
use crate::options::Options;
use crate::progress::Progress;
use crate::recipe::{About, Recipe};
use crate::source::{Sample, Source, Tally};
use crate::writer::{write, write_hierarchy, write_labels, write_texts, written};

/// Says in figures what was prepared.
#[derive(Debug)]
pub struct Prepared {
    pub about: &'static About,
    pub options: Options,
    /// Whether the recipe's own options were used, which are the paper's as far as known.
    pub by_default: bool,
    /// Documents of the source.
    pub n_read: u64,
    /// Documents that were left out, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// Remarks on what else there is to know, and how often it was so.
    pub remarks: BTreeMap<String, u64>,
    pub steps: Vec<Step>,
    /// Texts of train, dev and test.
    pub n_texts: [u64; 3],
    pub n_classes: u64,
    pub labels_per_train_text: f64,
    pub labels_per_text: f64,
}

/// Prepares the data set `name` from the files in `source`. The folder `out` comes into being when
/// all is done, and not at all if something fails.
pub fn prepare(
    name: &str,
    source: &Path,
    out: &Path,
    choices: &Choices,
    progress: &dyn Progress,
) -> Result<Prepared, PrepareError> {
    let recipe = crate::recipe::find(name)?;
    let options = choices.over(recipe)?;
    let by_default = options == recipe.defaults();
    let lists = options.ids.as_ref().map(|files| IdLists::read(files, recipe)).transpose()?;
    let seed = options.split.seed;
    let sample = options.sample.map(|share| Sample { share, seed });
    let source = Source::open(source, recipe.about(), lists, sample)?;
    check_empty(out)?;
    let scratch = Scratch::beside(out)?;
    let source = source.with_scratch(scratch.folder.path());
    let prepared = Prepared { by_default, ..fill(recipe, &source, options, &scratch, progress)? };
    scratch.become_folder(out)?;
    Ok(prepared)
}

fn check_empty(out: &Path) -> Result<(), PrepareError> {
    match fs_err::read_dir(out).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(PrepareError::NotEmpty { path: out.to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(written(out, source)),
    }
}

/// A hidden folder beside the one to be made, on the same disk; deleted if it does not become it.
struct Scratch {
    folder: tempfile::TempDir,
    /// Folder inside `folder`, since that one is readable for its owner only.
    data: PathBuf,
}

impl Scratch {
    fn beside(out: &Path) -> Result<Self, PrepareError> {
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let failed = |source| written(out, source);
        fs_err::create_dir_all(parent).map_err(failed)?;
        let folder =
            tempfile::Builder::new().prefix(".preparing-").tempdir_in(parent).map_err(failed)?;
        let data = folder.path().join("data");
        fs_err::create_dir_all(&data).map_err(failed)?;
        Ok(Self { folder, data })
    }

    fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    fn become_folder(self, out: &Path) -> Result<(), PrepareError> {
        fs_err::rename(&self.data, out).map_err(|source| written(out, source))
    }
}

fn fill(
    recipe: &dyn Recipe,
    source: &Source,
    options: Options,
    scratch: &Scratch,
    progress: &dyn Progress,
) -> Result<Prepared, PrepareError> {
    let mut collected = collect(recipe, source, &options, scratch.spool(), progress)?;
    let filtered = filter(&mut collected, &options);
    let mut left_out = source.all_left_out();
    let n_read = collected.parts.len() as u64 + left_out.values().sum::<u64>();
    left_out.extend(filtered.left_out.clone());
    check_parts(&filtered, &left_out)?;
    let (folder, hierarchy) = (&scratch.data, &collected.hierarchy);
    write_texts(folder, &collected.spooled, &filtered, hierarchy, progress)?;
    write_labels(folder, &filtered, hierarchy)?;
    write_hierarchy(folder, hierarchy)?;

    let mut remarks = source.all_remarks();
    let n_absent = filtered.n_absent_from_train();
    if n_absent > 0 {
        remarks.insert("classes that no train text has".to_owned(), n_absent);
    }
    let prepared = told(recipe.about(), options, filtered, left_out, remarks, n_read);
    let hashed = hashed(source.folder(), &source.all_used(), progress)?;
    write(folder, "meta.json", &meta::text(&prepared, &hashed))?;
    Ok(prepared)
}

/// A data set without train, dev or test texts is of no use.
fn check_parts(filtered: &Filtered, left_out: &Tally) -> Result<(), PrepareError> {
    for (part, n_texts) in Part::ALL.into_iter().zip(filtered.n_texts()) {
        if n_texts == 0 {
            let reasons = left_out.clone().into_iter().collect();
            return Err(PrepareError::EmptyPart { part: part.name(), reasons });
        }
    }
    Ok(())
}

fn told(
    about: &'static About,
    options: Options,
    filtered: Filtered,
    left_out: Tally,
    remarks: Tally,
    n_read: u64,
) -> Prepared {
    let n_texts = filtered.n_texts();
    let per_text =
        |counts: &[u64], n_texts: u64| counts.iter().sum::<u64>() as f64 / n_texts as f64;
    Prepared {
        about,
        options,
        by_default: false,
        n_read,
        left_out,
        remarks,
        n_texts,
        n_classes: filtered.classes.len() as u64,
        labels_per_train_text: per_text(&filtered.n_train, n_texts[0]),
        labels_per_text: per_text(&filtered.n_all, n_texts.iter().sum()),
        steps: filtered.steps,
    }
}
