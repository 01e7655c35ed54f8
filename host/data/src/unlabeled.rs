//! Texts whose labels nobody knows, for prediction: JSONL with `id` and `text`, block by block.

use std::borrow::Cow;
use std::path::Path;

use rayon::prelude::*;

use super::error::DataError;
use super::jsonl::{self, Unlabeled};
use super::{Texts, read};

/// Bytes read at a time.
const BLOCK: usize = 4 << 20;

/// Some texts of a file, in its order.
#[derive(Debug, Default)]
pub struct UnlabeledTexts {
    pub ids: Vec<String>,
    pub texts: Texts,
}

/// Calls `each` for one block after another of a JSONL file, `.gz` and `.zst` unpacked; `-` is standard
/// input. Keys but `id` and `text` are ignored; a text without an id has its number. Memory does not
/// depend on the size of the file.
pub fn for_each_block<E: From<DataError>>(
    path: &Path,
    mut each: impl FnMut(UnlabeledTexts) -> Result<(), E>,
) -> Result<(), E> {
    let source = if path == Path::new("-") { read::standard_input()? } else { read::open(path)? };
    let path = source.path.clone();
    // What `each` answers goes around the reader, whose errors are of another type.
    let mut failed = None;
    let mut n_texts = 0_u64;
    let read = source.blocks(BLOCK, |block| {
        let lines = block.lines();
        let parsed: Vec<_> = lines
            .par_iter()
            .filter_map(|&(number, line)| jsonl::parse::<Unlabeled<'_>>(&path, number, line))
            .collect();
        let mut texts = UnlabeledTexts::default();
        for record in parsed {
            let record = record?;
            texts.texts.push(&record.text);
            n_texts += 1;
            texts.ids.push(record.id().map_or_else(|| n_texts.to_string(), Cow::into_owned));
        }
        if failed.is_none() && !texts.ids.is_empty() {
            failed = each(texts).err();
        }
        Ok(())
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(read?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Result<Vec<String>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("texts.jsonl");
        fs_err::write(&path, text).unwrap();
        let mut ids = Vec::new();
        for_each_block(&path, |block| {
            assert_eq!(block.ids.len(), block.texts.len());
            ids.extend(block.ids);
            Ok::<(), DataError>(())
        })?;
        Ok(ids)
    }

    #[test]
    fn labels_are_not_asked_for_and_order_is_that_of_the_file() {
        let text = "{\"id\": \"b\", \"text\": \"x\"}\n\n{\"text\": \"y\", \"id\": 7, \"labels\": [\"l\"]}\n";
        assert_eq!(ids(text).unwrap(), ["b", "7"]);
        assert_eq!(ids("{\"text\": \"x\"}\n{\"text\": \"x\", \"id\": 12.0}").unwrap(), ["1", "12"]);
        assert_eq!(ids("").unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let error =
            ids("{\"id\": \"b\", \"text\": \"x\"}\n{\"id\": \"c\"}\n").unwrap_err().to_string();
        assert!(error.contains("texts.jsonl:2:") && error.contains("`text`"), "{error}");
    }

    #[test]
    fn an_error_of_the_caller_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs_err::write(&path, "{\"id\": \"b\", \"text\": \"x\"}\n").unwrap();
        let error = for_each_block(&path, |_| Err(anyhow::anyhow!("disk full"))).unwrap_err();
        assert_eq!(error.to_string(), "disk full");
    }
}
