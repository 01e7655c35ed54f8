//! Finds who else can change a plugin's file: one that every user of the machine may write is not
//! loaded.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const WORLD_WRITABLE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Finds what lets everybody change the file at `path`, which has no links in it: the file itself,
/// or a folder above it in which everybody may put another file in its place. With the sticky bit,
/// as in `/tmp`, only the owner of a file may replace it.
pub(crate) fn exposed(path: &Path) -> std::io::Result<Option<PathBuf>> {
    for place in path.ancestors().filter(|place| !place.as_os_str().is_empty()) {
        let metadata = fs_err::metadata(place)?;
        let mode = metadata.permissions().mode();
        let is_guarded = metadata.is_dir() && mode & STICKY != 0;
        if mode & WORLD_WRITABLE != 0 && !is_guarded {
            return Ok(Some(place.to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn what_everybody_can_change_is_found_in_the_file_and_in_every_folder_above() {
        let temporary = tempfile::tempdir().unwrap();
        let root = fs_err::canonicalize(temporary.path()).unwrap();
        let (folder, file) = (root.join("a"), root.join("a/b/libx.so"));
        fs_err::create_dir_all(file.parent().unwrap()).unwrap();
        fs_err::write(&file, "").unwrap();
        let check = |path: &Path, mode: u32, expected: Option<&Path>| {
            let before = fs_err::metadata(path).unwrap().permissions();
            fs_err::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(exposed(&file).unwrap().as_deref(), expected, "{} {mode:o}", path.display());
            fs_err::set_permissions(path, before).unwrap();
        };
        check(&file, 0o755, None);
        check(&file, 0o775, None);
        check(&file, 0o757, Some(&file));
        check(&file, 0o1757, Some(&file));
        check(&folder, 0o777, Some(&folder));
        check(&folder, 0o1777, None);
        check(&folder, 0o755, None);
    }
}
