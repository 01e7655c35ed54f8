//! Names of jobs, by which they are found again: `alhost-0123456789abcdef-01234567-cells+1000`.

use std::io;
use std::path::{Path, PathBuf};

/// What the names of a grid's jobs begin with. It is the grid's folder that counts: two users who submit into one
/// folder have the same names, and see each other's jobs. The second part names what the grid was when they were
/// submitted: what is the third cell of one is none, or another, of a grid that was changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GridName {
    hash: String,
    plan: String,
}

/// A name taken apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Parts<'a> {
    pub(crate) hash: &'a str,
    pub(crate) plan: &'a str,
    pub(crate) kind: &'a str,
    /// What is added to an index of the array to give the cell.
    pub(crate) offset: u32,
}

impl GridName {
    /// Names the grid of a folder, there or to come: links in its path are followed. `plan` names what the grid is.
    pub fn of(folder: &Path, plan: &str) -> io::Result<Self> {
        let folder = real(&std::path::absolute(folder)?)?;
        let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex();
        let (hash, plan) = (hash(folder.as_os_str().as_encoded_bytes()), hash(plan.as_bytes()));
        Ok(Self { hash: hash[..16].to_owned(), plan: plan[..8].to_owned() })
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
        format!("alhost-{}-{}-{kind}", self.hash, self.plan)
    }

    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    pub(crate) fn plan(&self) -> &str {
        &self.plan
    }
}

/// Follows the links of a path as far as it is there.
fn real(path: &Path) -> io::Result<PathBuf> {
    match (fs_err::canonicalize(path), path.parent(), path.file_name()) {
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(real(parent)?.join(name))
        }
        (found, _, _) => found,
    }
}

/// Returns the name of a part of an array, whose indices begin anew `offset` cells on.
pub(crate) fn with_offset(name: &str, offset: u32) -> String {
    if offset == 0 { name.to_owned() } else { format!("{name}+{offset}") }
}

/// Takes a name apart, if it is one of ours.
pub(crate) fn parts(name: &str) -> Option<Parts<'_>> {
    let (hash, rest) = name.strip_prefix("alhost-")?.split_once('-')?;
    let (plan, rest) = rest.split_once('-')?;
    let (kind, offset) = match rest.split_once('+') {
        Some((kind, offset)) => (kind, offset.parse().ok()?),
        None => (rest, 0),
    };
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_ours = (hash.len(), plan.len()) == (16, 8)
        && is_hex(hash)
        && is_hex(plan)
        && !kind.is_empty()
        && kind.bytes().all(|byte| byte.is_ascii_lowercase());
    is_ours.then_some(Parts { hash, plan, kind, offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_job_it_is_and_where_its_indices_begin() {
        let folder = tempfile::tempdir().unwrap();
        let grid = GridName::of(folder.path(), "p").unwrap();
        let name = grid.job("cells");
        assert_eq!(name.len(), "alhost-".len() + 16 + 1 + 8 + "-cells".len());
        let expected =
            |offset| Some(Parts { hash: grid.hash(), plan: grid.plan(), kind: "cells", offset });
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
        let of = |folder: &Path| GridName::of(folder, "p").unwrap();
        assert_eq!(of(&there), of(&link.join(".")));
        assert_ne!(of(&there), of(folder.path()));
        let to_come = of(&link.join("a/b"));
        fs_err::create_dir_all(there.join("a/b")).unwrap();
        assert_eq!(of(&there.join("a/b")), to_come);
        let changed = GridName::of(&there, "q").unwrap();
        assert_eq!(changed.hash(), of(&there).hash());
        assert_ne!(changed, of(&there));
    }

    #[test]
    fn names_of_others_are_not_ours() {
        for name in [
            "alhost",
            "alhost-run",
            "alhost-0123456789abcdef",
            "alhost-0123456789abcdef-cells",
            "alhost-0123456789abcdef-01234567",
            "alhost-0123456789abcdef-01234567-",
            "alhost-0123456789abcdef-01234567-Cells",
            "alhost-0123456789abcdef-01234567-cells+x",
            "alhost-0123456789abcdeg-01234567-cells",
            "alhost-0123456789abcdef-0123456x-cells",
            "my alhost-0123456789abcdef-01234567-cells",
        ] {
            assert_eq!(parts(name), None, "{name}");
        }
    }
}
