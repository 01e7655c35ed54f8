//! Lists of document ids: which text goes where, drawn by somebody else or by an earlier
//! preparation.

use std::collections::HashMap;
use std::path::Path;

use crate::document::Part;
use crate::draw::key;
use crate::error::PrepareError;
use crate::options::IdFiles;
use crate::progress::Silent;
use crate::recipe::Recipe;
use crate::text::utf8;

/// The parts of documents by [`key`] of their ids.
pub(crate) struct IdLists(HashMap<u64, Part>);

impl IdLists {
    pub(crate) fn read(files: &IdFiles, recipe: &dyn Recipe) -> Result<Self, PrepareError> {
        let mut parts = HashMap::new();
        let files =
            [(Part::Train, &files.train), (Part::Dev, &files.dev), (Part::Test, &files.test)];
        for (part, path) in files {
            let text = read(path)?;
            let lines = text.lines().map(|line| recipe.listed_id(line.trim()));
            for id in lines.filter(|id| !id.is_empty()) {
                if let Some(earlier) = parts.insert(key(id), part) {
                    let (first, second) = (earlier.name(), part.name());
                    return Err(PrepareError::SharedId { id: id.to_owned(), first, second });
                }
            }
        }
        Ok(Self(parts))
    }

    pub(crate) fn part(&self, id: &str) -> Option<Part> {
        self.0.get(&key(id)).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

fn read(path: &Path) -> Result<String, PrepareError> {
    let place = path.display().to_string();
    crate::archive::read_plain(path, &Silent, |reader| {
        let mut bytes = Vec::new();
        let failed = |source| PrepareError::Read { place: place.clone(), source };
        reader.read_to_end(&mut bytes).map_err(failed)?;
        utf8(&place, 1, &bytes).map(str::to_owned)
    })
}
