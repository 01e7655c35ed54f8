//! A checkpoint's word on how a text's hidden states become one vector: `1_Pooling/config.json`,
//! which sentence-transformers writes.

use std::path::Path;

use alhost_base::foreign;
use serde_json::{Value, json};

use crate::{ModelError, Pooling};

pub(crate) const FILE: &str = "1_Pooling/config.json";

/// The most bytes that are read, far more than such a file has.
const LIMIT: u64 = 1 << 20;

/// The folder's file; `None` where there is none.
pub(crate) fn text(folder: &Path) -> Result<Option<String>, ModelError> {
    let path = folder.join(FILE);
    let is_there = path.exists();
    Ok(is_there.then(|| foreign::read_text(&path, LIMIT)).transpose()?)
}

/// The pooling that the text of the folder's file names; the mean where there is none.
pub(crate) fn read(folder: &Path, text: &str) -> Result<Pooling, ModelError> {
    if text.is_empty() {
        return Ok(Pooling::Mean);
    }
    let bad = |reason: String| ModelError::BadFile { path: folder.join(FILE), reason };
    let config: Value = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
    pooling(&config).map_err(bad)
}

/// Returns what such a file says of a pooling of states of this size.
pub(crate) fn said(pooling: Pooling, hidden: usize) -> Value {
    json!({
        "word_embedding_dimension": hidden,
        "pooling_mode_cls_token": pooling == Pooling::Cls,
        "pooling_mode_mean_tokens": pooling == Pooling::Mean,
    })
}

/// Files have one `pooling_mode_<name>: true`, or newer ones `pooling_mode: "<name>"`.
fn pooling(config: &Value) -> Result<Pooling, String> {
    let entries = config.as_object().into_iter().flatten();
    let mut modes: Vec<String> = entries
        .filter_map(|(key, value)| {
            let mode = key.strip_prefix("pooling_mode_")?;
            (*value == Value::Bool(true)).then(|| mode.to_owned())
        })
        .collect();
    modes.extend(config["pooling_mode"].as_str().map(str::to_owned));
    match modes.as_slice() {
        [mode] if matches!(mode.as_str(), "mean_tokens" | "mean") => Ok(Pooling::Mean),
        [mode] if matches!(mode.as_str(), "cls_token" | "cls") => Ok(Pooling::Cls),
        [] => Err("names no pooling; `model.pooling` can say `mean` or `cls`".to_owned()),
        _ => Err(format!(
            "names the pooling `{}`, which is not known here; `model.pooling` can say `mean` or `cls`",
            modes.join("` and `")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pooling_is_the_one_that_is_true_or_named() {
        let check =
            |config: &Value, expected: Result<Pooling, &str>| match (pooling(config), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{config}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, _) => panic!("{config}: {found:?}"),
            };
        let old = json!({
            "word_embedding_dimension": 384, "pooling_mode_cls_token": false,
            "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false
        });
        check(&old, Ok(Pooling::Mean));
        check(&json!({ "pooling_mode_cls_token": true }), Ok(Pooling::Cls));
        check(&json!({ "pooling_mode": "cls" }), Ok(Pooling::Cls));
        check(&json!({ "pooling_mode_max_tokens": true }), Err("`max_tokens`"));
        let two = json!({ "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true });
        check(&two, Err("`cls_token` and `mean_tokens`"));
        for used in [Pooling::Cls, Pooling::Mean] {
            check(&said(used, 384), Ok(used));
        }
        check(&json!({}), Err("no pooling"));
        check(&json!([]), Err("no pooling"));
    }

    #[test]
    fn a_folder_without_the_file_has_the_mean() {
        let folder = tempfile::tempdir().unwrap();
        let found = || read(folder.path(), &text(folder.path()).unwrap().unwrap_or_default());
        assert_eq!(found().unwrap(), Pooling::Mean);
        fs_err::create_dir(folder.path().join("1_Pooling")).unwrap();
        fs_err::write(folder.path().join(FILE), "{\"pooling_mode_cls_token\": true}").unwrap();
        assert_eq!(found().unwrap(), Pooling::Cls);
        fs_err::write(folder.path().join(FILE), "{").unwrap();
        assert!(found().unwrap_err().to_string().contains(FILE));
    }
}
