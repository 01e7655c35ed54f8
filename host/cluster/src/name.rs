//! Names of jobs, by which they are found again: `alhost-0123456789abcdef-cells+1000`.

use std::io;
use std::path::Path;

/// What the names of a grid's jobs begin with. It is the grid's folder that counts: two users who submit into one
/// folder have the same names, and see each other's jobs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GridName {
    hash: String,
}

/// A name taken apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Parts<'a> {
    pub(crate) hash: &'a str,
    pub(crate) kind: &'a str,
    /// What is added to an index of the array to give the cell.
    pub(crate) offset: u32,
}

impl GridName {
    /// Names the grid of a folder, which must be there: links in its path are followed.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let folder = fs_err::canonicalize(folder)?;
        let hash = blake3::hash(folder.as_os_str().as_encoded_bytes());
        Ok(Self { hash: hash.to_hex()[..16].to_owned() })
    }

    /// Returns the name of this grid's jobs of a kind.
    ///
    /// # Panics
    ///
    /// If `kind` has other characters than small letters.
    pub fn job(&self, kind: &str) -> String {
        let fits = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase());
        assert!(
            fits,
            "`{kind}` is no kind of job: names are taken apart at what is no small letter"
        );
        format!("alhost-{}-{kind}", self.hash)
    }

    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }
}

/// Returns the name of a part of an array, whose indices begin anew `offset` cells on.
pub(crate) fn with_offset(name: &str, offset: u32) -> String {
    if offset == 0 { name.to_owned() } else { format!("{name}+{offset}") }
}

/// Takes a name apart, if it is one of ours.
pub(crate) fn parts(name: &str) -> Option<Parts<'_>> {
    let (hash, rest) = name.strip_prefix("alhost-")?.split_once('-')?;
    let (kind, offset) = match rest.split_once('+') {
        Some((kind, offset)) => (kind, offset.parse().ok()?),
        None => (rest, 0),
    };
    let is_ours = hash.len() == 16
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !kind.is_empty()
        && kind.bytes().all(|byte| byte.is_ascii_lowercase());
    is_ours.then_some(Parts { hash, kind, offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_job_it_is_and_where_its_indices_begin() {
        let folder = tempfile::tempdir().unwrap();
        let grid = GridName::of(folder.path()).unwrap();
        let name = grid.job("cells");
        assert_eq!(name.len(), "alhost-".len() + 16 + "-cells".len());
        let expected = |offset| Some(Parts { hash: grid.hash(), kind: "cells", offset });
        assert_eq!(parts(&name), expected(0));
        assert_eq!(with_offset(&name, 0), name);
        assert_eq!(parts(&with_offset(&name, 2002)), expected(2002));
    }

    #[test]
    fn a_folder_has_one_name_however_it_is_reached() {
        let folder = tempfile::tempdir().unwrap();
        let (there, link) = (folder.path().join("there"), folder.path().join("link"));
        fs_err::create_dir(&there).unwrap();
        fs_err::os::unix::fs::symlink(&there, &link).unwrap();
        assert_eq!(GridName::of(&there).unwrap(), GridName::of(&link.join(".")).unwrap());
        assert_ne!(GridName::of(&there).unwrap(), GridName::of(folder.path()).unwrap());
        let missing = GridName::of(&folder.path().join("missing")).unwrap_err().to_string();
        assert!(missing.contains("missing"), "{missing}");
    }

    #[test]
    fn names_of_others_are_not_ours() {
        for name in [
            "alhost",
            "alhost-run",
            "alhost-0123456789abcdef",
            "alhost-0123456789abcdef-",
            "alhost-0123456789abcdef-Cells",
            "alhost-0123456789abcdef-cells+x",
            "alhost-0123456789abcdeg-cells",
            "my alhost-0123456789abcdef-cells",
        ] {
            assert_eq!(parts(name), None, "{name}");
        }
    }
}
