//! Every damage to every file of a run: it is refused, or healed to the same records.

use std::path::PathBuf;

use super::*;

/// Damages every file of a stopped run in every way: it is refused, or healed to the same records.
#[test]
fn no_damage_gives_other_records() {
    let root = tempfile::tempdir().unwrap();
    let (unbroken, stopped) = (root.path().join("unbroken"), root.path().join("stopped"));
    go_on(&unbroken, usize::MAX).unwrap();
    go_on(&stopped, 9).unwrap();
    let other = root.path().join("other");
    let mut as_other = manifest();
    as_other.seed += 1;
    drop(RunDir::open(&other, &as_other).unwrap());
    for file in files_below(&stopped) {
        let whole = fs_err::read(stopped.join(&file)).unwrap();
        for (what, damaged) in damages(&whole) {
            let path = root.path().join("damaged");
            copy(&stopped, &path);
            match &damaged {
                Some(bytes) => fs_err::write(path.join(&file), bytes).unwrap(),
                None => fs_err::remove_file(path.join(&file)).unwrap(),
            }
            if go_on(&path, usize::MAX).is_ok() {
                assert_eq!(files(&path)[1..], files(&unbroken)[1..], "{}: {what}", file.display());
            }
            fs_err::remove_dir_all(&path).unwrap();
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let below = if path.is_dir() { files_below(&path) } else { vec![PathBuf::new()] };
        found.extend(below.into_iter().map(|file| Path::new(path.file_name().unwrap()).join(file)));
    }
    let trimmed = found.into_iter().map(|file| file.components().collect());
    trimmed.collect()
}

fn copy(from: &Path, to: &Path) {
    for file in files_below(from) {
        let target = to.join(&file);
        fs_err::create_dir_all(target.parent().unwrap()).unwrap();
        fs_err::copy(from.join(&file), target).unwrap();
    }
}

/// Lists what may become of a file: gone, empty, cut, a bit changed in many places, lines lost,
/// doubled, exchanged.
fn damages(whole: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    let mut damages = vec![("gone".to_owned(), None), ("empty".to_owned(), Some(Vec::new()))];
    let mut add = |what: String, bytes: Vec<u8>| damages.push((what, Some(bytes)));
    add("with NULs".to_owned(), [whole, &[0; 16][..], b"\n"].concat());
    let n = whole.len();
    for place in (0..n).step_by((n / 60).max(1)) {
        let mut changed = whole.to_vec();
        changed[place] ^= if place % 2 == 0 { 1 } else { 0x40 };
        add(format!("byte {place} changed"), changed);
        add(format!("cut to {place}"), whole[..place].to_vec());
    }
    let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
    for at in 1..lines.len() {
        let (before, after) = lines.split_at(at);
        add(format!("line {at} twice"), [before, &before[at - 1..], after].concat().concat());
        add(format!("line {at} lost"), [&before[..at - 1], after].concat().concat());
        let exchanged = [&before[..at - 1], &after[..1], &before[at - 1..], &after[1..]];
        add(format!("lines {at} and {} exchanged", at + 1), exchanged.concat().concat());
    }
    damages
}
