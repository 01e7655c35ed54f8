//! The folder with the files as the user obtained them: finds them, opens them, and keeps account
//! of what was read and what was left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::archive;
use crate::draw;
use crate::error::PrepareError;
use crate::ids::IdLists;
use crate::progress::Progress;
use crate::recipe::About;

/// Folder that a recipe's files come from.
pub(crate) struct Source {
    folder: PathBuf,
    about: &'static About,
    lists: Option<IdLists>,
    sample: Option<Sample>,
    scratch: PathBuf,
    used: Mutex<BTreeSet<PathBuf>>,
    left_out: Mutex<Tally>,
    remarks: Mutex<Tally>,
}

/// A share of the documents, drawn by their ids.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) share: f64,
    pub(crate) seed: u64,
}

impl Sample {
    fn takes(self, id: &str) -> bool {
        draw::uniform(draw::key(id), "sample", self.seed) < self.share
    }
}

/// How often each thing happened.
pub(crate) type Tally = BTreeMap<String, u64>;

/// A file, or a member of an archive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    member: Option<String>,
}

/// Names the file as errors do.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.member.as_ref().map_or(Ok(()), |member| write!(f, ":{member}"))
    }
}

/// One file of a tree, with its path in it.
pub(crate) struct Member {
    /// Path below the folder, or in the archive; with `/`.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Source {
    pub(crate) fn open(
        folder: &Path,
        about: &'static About,
        lists: Option<IdLists>,
        sample: Option<Sample>,
    ) -> Result<Self, PrepareError> {
        if !folder.is_dir() {
            return Err(PrepareError::NoSource { path: folder.to_owned() });
        }
        Ok(Self {
            folder: folder.to_owned(),
            about,
            lists,
            sample,
            scratch: folder.to_owned(),
            used: Mutex::default(),
            left_out: Mutex::default(),
            remarks: Mutex::default(),
        })
    }

    pub(crate) fn with_scratch(self, scratch: &Path) -> Self {
        Self { scratch: scratch.to_owned(), ..self }
    }

    /// Returns a folder for the temporary files of a recipe, which are deleted afterwards.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The lists that say which documents are taken, if there are any.
    pub(crate) fn lists(&self) -> Option<&IdLists> {
        self.lists.as_ref()
    }

    /// Whether the document is in an id list, if there are any, else in the sample, if one is
    /// drawn. Counts it if not. It is asked for every document; a recipe may ask before it parses
    /// one, and then does not give it.
    pub(crate) fn takes(&self, id: &str) -> bool {
        let (takes, reason) = match (&self.lists, self.sample) {
            (Some(lists), _) => (lists.part(id).is_some(), "in none of the id lists"),
            (None, Some(sample)) => (sample.takes(id), "not in the sample"),
            (None, None) => return true,
        };
        if !takes {
            self.left_out(reason);
        }
        takes
    }

    /// The file in the folder with this name, in which `*` stands for anything: as it stands, with
    /// `.gz` or `.zst`, or as a member of a `.zip`, `.tar`, `.tgz` or `.tar.gz`.
    pub(crate) fn find(&self, wanted: &str) -> Result<Option<Found>, PrepareError> {
        let names = self.file_names()?;
        for ending in ["", ".gz", ".zst"] {
            let fits = |name: &&String| {
                name.strip_suffix(ending).is_some_and(|name| matches(wanted, name))
            };
            let found: Vec<String> = names.iter().filter(fits).cloned().collect();
            if let Some(name) = self.only(wanted, found)? {
                return Ok(Some(Found { path: self.folder.join(name), member: None }));
            }
        }
        let mut found = Vec::new();
        for name in &names {
            let path = self.folder.join(name);
            let members = match name.strip_suffix(".zip") {
                Some(_) => archive::zip_names(&path)?,
                None if archive::is_tar(name) => archive::tar_names(&path)?,
                None => continue,
            };
            for member in members {
                if matches(wanted, member.rsplit('/').next().unwrap_or(&member)) {
                    found.push(Found { path: path.clone(), member: Some(member) });
                }
            }
        }
        let shown = found.iter().map(Found::to_string).collect();
        self.only(wanted, shown).map(|_| found.pop())
    }

    /// Does as [`Source::find`]; without the file, the error says where it is obtained.
    pub(crate) fn require(&self, wanted: &str) -> Result<Found, PrepareError> {
        let found = self.find(wanted)?;
        found.map_or_else(|| Err(self.missing(wanted)), Ok)
    }

    pub(crate) fn missing(&self, wanted: &str) -> PrepareError {
        PrepareError::Missing {
            folder: self.folder.clone(),
            wanted: wanted.to_owned(),
            found: self.entry_names(),
            title: self.about.title,
            obtain: self.about.obtain,
            licence: self.about.licence,
        }
    }

    fn only(&self, wanted: &str, mut found: Vec<String>) -> Result<Option<String>, PrepareError> {
        if found.len() > 1 {
            let (folder, wanted) = (self.folder.clone(), wanted.to_owned());
            return Err(PrepareError::Ambiguous { folder, wanted, found });
        }
        Ok(found.pop())
    }

    fn file_names(&self) -> Result<Vec<String>, PrepareError> {
        let names = archive::entries(&self.folder)?;
        Ok(names.into_iter().filter(|name| self.folder.join(name).is_file()).collect())
    }

    fn entry_names(&self) -> Vec<String> {
        archive::entries(&self.folder).unwrap_or_default()
    }

    /// Lends the unpacked content of a file. Compression is told by the first bytes.
    pub(crate) fn read<T>(
        &self,
        found: &Found,
        progress: &dyn Progress,
        with: impl FnOnce(&mut dyn Read) -> Result<T, PrepareError>,
    ) -> Result<T, PrepareError> {
        self.used(&found.path);
        match &found.member {
            Some(member) if archive::is_tar(&found.path.to_string_lossy()) => {
                archive::read_tarred(&found.path, member, progress, with)
            }
            Some(member) => archive::read_zipped(&found.path, member, progress, with),
            None => archive::read_plain(&found.path, progress, with),
        }
    }

    /// The whole unpacked content of a file that fits in memory, such as a hierarchy.
    pub(crate) fn bytes(&self, found: &Found) -> Result<Vec<u8>, PrepareError> {
        self.read(found, &crate::progress::Silent, |reader| {
            let mut bytes = Vec::new();
            let failed = |source| PrepareError::Read { place: found.to_string(), source };
            reader.read_to_end(&mut bytes).map_err(failed)?;
            Ok(bytes)
        })
    }

    /// Notes that a file was read, or all files of a folder.
    pub(crate) fn used(&self, path: &Path) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
    }

    /// Files and folders that were read.
    pub(crate) fn all_used(&self) -> Vec<PathBuf> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Counts a document that is left out, such as `outside the dates`.
    pub(crate) fn left_out(&self, reason: &str) {
        add(&self.left_out, reason, 1);
    }

    /// Counts what the user should know but costs no document, such as `labels spelled otherwise`.
    pub(crate) fn remark(&self, what: &str, n: u64) {
        add(&self.remarks, what, n);
    }

    pub(crate) fn all_left_out(&self) -> Tally {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn all_remarks(&self) -> Tally {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn add(tally: &Mutex<Tally>, what: &str, n: u64) {
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    match tally.get_mut(what) {
        Some(so_far) => *so_far += n,
        None => _ = tally.insert(what.to_owned(), n),
    }
}

/// Whether `name` is `pattern`, in which at most one `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
        None => name == pattern,
    }
}
