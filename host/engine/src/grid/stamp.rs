//! Whether a finished cell is still what the grid asks for, told without opening data or model:
//! by hashes of the config and the plugin, and by size and time of the files that they read.

use std::path::Path;
use std::time::SystemTime;

use alhost_record::StrategyManifest;

use super::cell::Expected;

/// Changes when anything that the cell depends on may have changed. `files` are those that data and
/// checkpoint are read from.
pub fn stamp(expected: &Expected, files: &[impl AsRef<Path>]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("alhost 1 cell of a grid");
    let mut add = |part: &str| {
        hasher.update(part.as_bytes());
        hasher.update(b"\0");
    };
    add(&expected.config_hash);
    for strategy in std::iter::once(&expected.strategy).chain(&expected.initial_set) {
        add(&of_strategy(strategy));
    }
    for file in files {
        add(&format!("{} {}", file.as_ref().display(), of_file(file.as_ref())));
    }
    hasher.finalize().to_hex().to_string()
}

/// The files of a strategy and of those that it asks, and their parameters.
pub(super) fn of_strategy(strategy: &StrategyManifest) -> String {
    let asked: Vec<String> = strategy.asked.iter().map(of_strategy).collect();
    format!("{} {} [{}]", strategy.plugin.blake3, strategy.params, asked.join(", "))
}

/// Size and time of a file: one that is touched is read again, which is all that a wrong guess costs.
pub(super) fn of_file(path: &Path) -> String {
    let metadata = fs_err::metadata(path).ok();
    let size = metadata.as_ref().map_or(0, std::fs::Metadata::len);
    let modified = metadata.and_then(|metadata| metadata.modified().ok());
    let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let since = since.map(|since| format!("{}.{:09}", since.as_secs(), since.subsec_nanos()));
    format!("{size} bytes of {}", since.unwrap_or_else(|| "no time".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use alhost_record::PluginManifest;

    fn expected() -> Expected {
        let text = |text: &str| text.to_owned();
        let plugin = PluginManifest {
            id: text("alps"),
            version: text("1.0.0"),
            api: text("1.0"),
            blake3: text("p1"),
            rustc: text("1.95"),
            profile: text("release"),
        };
        let strategy = StrategyManifest { plugin, params: json!({ "k": 5 }), asked: Vec::new() };
        let asked = vec![strategy.clone()];
        let strategy = StrategyManifest { asked, ..strategy };
        Expected {
            config: json!({}),
            config_hash: text("c1"),
            initial_set: Some(strategy.clone()),
            strategy,
        }
    }

    #[test]
    fn whatever_may_change_a_cell_changes_its_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("train.jsonl");
        fs_err::write(&file, "one").unwrap();
        let files = [&file];
        let first = stamp(&expected(), &files);
        assert_eq!(first, stamp(&expected(), &files));
        assert_ne!(first, stamp(&expected(), &[] as &[&Path]));
        let other = |change: fn(&mut Expected)| {
            let mut expected = expected();
            change(&mut expected);
            stamp(&expected, &files)
        };
        assert_ne!(first, other(|expected| expected.config_hash = "c2".to_owned()));
        assert_ne!(first, other(|expected| expected.strategy.plugin.blake3 = "p2".to_owned()));
        assert_ne!(first, other(|expected| expected.strategy.params = json!({ "k": 6 })));
        assert_ne!(first, other(|expected| expected.strategy.asked.clear()));
        assert_ne!(
            first,
            other(|expected| expected.strategy.asked[0].plugin.blake3 = "p2".to_owned())
        );
        assert_ne!(first, other(|expected| expected.initial_set = None));
        // The same size, another time; and another size, the same time.
        let handle = fs_err::OpenOptions::new().write(true).open(&file).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        handle.file().set_modified(time).unwrap();
        let touched = stamp(&expected(), &files);
        assert_ne!(first, touched);
        fs_err::write(&file, "longer").unwrap();
        handle.file().set_modified(time).unwrap();
        assert_ne!(touched, stamp(&expected(), &files));
        fs_err::remove_file(&file).unwrap();
        assert_ne!(touched, stamp(&expected(), &files));
    }
}
