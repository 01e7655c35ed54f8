//! Every file below a folder and in the archives there, archives in archives too: news corpora come
//! as one archive a month or a day, or as one around all of those.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use unzip::ZipArchive;

use crate::archive::{Batch, Counted, entries, open, unpacked};
use crate::error::PrepareError;
use crate::progress::Progress;
use crate::source::{Member, Source};

/// Function that is called with the place of a file, as errors name it
/// (`data/1987/01.tgz:01/03/0000001.xml`), and its content, unpacked where it is compressed.
type Visit<'a> = dyn FnMut(&str, &mut dyn Read) -> Result<(), PrepareError> + 'a;

/// Lends every file whose place is `wanted`; each place is asked for once. Folders come in the
/// order of their names, archives in their own.
///
/// Where a folder stands beside an archive of its name, the archive alone is read: the folder is
/// what was unpacked from it, perhaps not all.
pub(crate) fn each_file(
    source: &Source,
    wanted: &dyn Fn(&str) -> bool,
    progress: &dyn Progress,
    visit: &mut Visit<'_>,
) -> Result<(), PrepareError> {
    Walk { source, wanted, progress, visit }.folder(source.folder())
}

/// Does as [`each_file`] with small files, some at a time so that they can be parsed in parallel.
pub(crate) fn each_batch(
    source: &Source,
    wanted: &dyn Fn(&str) -> bool,
    progress: &dyn Progress,
    each: &mut dyn FnMut(Vec<Member>) -> Result<(), PrepareError>,
) -> Result<(), PrepareError> {
    each_batch_below(source, source.folder(), wanted, progress, each)
}

/// Does as [`each_batch`] with one folder or archive of the source.
pub(crate) fn each_batch_below(
    source: &Source,
    tree: &Path,
    wanted: &dyn Fn(&str) -> bool,
    progress: &dyn Progress,
    each: &mut dyn FnMut(Vec<Member>) -> Result<(), PrepareError>,
) -> Result<(), PrepareError> {
    let mut batch = Batch::new(each);
    let visit: &mut Visit<'_> = &mut |place, reader| {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(failed(place))?;
        batch.push(Member { name: place.to_owned(), bytes })
    };
    let mut walk = Walk { source, wanted, progress, visit };
    if tree.is_dir() {
        walk.folder(tree)?;
    } else {
        walk.archive(tree)?;
    }
    batch.flush()
}

/// The name of a file without the folders and archives that it is in.
pub(crate) fn file_name(place: &str) -> &str {
    place.rsplit(['/', ':']).next().unwrap_or(place)
}

fn failed(place: &str) -> impl Fn(std::io::Error) -> PrepareError {
    move |source| PrepareError::Read { place: place.to_owned(), source }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Zip,
    Tar,
    Other,
}

const TARS: [&str; 6] = [".tar", ".tgz", ".tar.gz", ".txz", ".tar.xz", ".tar.zst"];

fn kind(name: &str) -> Kind {
    if TARS.iter().any(|ending| name.strip_suffix(ending).is_some()) {
        Kind::Tar
    } else if name.strip_suffix(".zip").is_some() {
        Kind::Zip
    } else {
        Kind::Other
    }
}

/// Whether one of the files is an archive that unpacks to `folder`.
fn is_unpacked(folder: &str, files: &[String]) -> bool {
    files.iter().any(|file| {
        let ending = file.strip_prefix(folder);
        ending.is_some_and(|ending| ending == ".zip" || TARS.contains(&ending))
    })
}

struct Walk<'a, 'v> {
    source: &'a Source,
    wanted: &'a dyn Fn(&str) -> bool,
    progress: &'a dyn Progress,
    visit: &'a mut Visit<'v>,
}

impl Walk<'_, '_> {
    fn folder(&mut self, folder: &Path) -> Result<(), PrepareError> {
        let names = entries(folder)?;
        let (folders, files): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| folder.join(name).is_dir());
        let (archives, plain): (Vec<String>, Vec<String>) =
            files.into_iter().partition(|name| kind(name) != Kind::Other);
        for name in &archives {
            self.archive(&folder.join(name))?;
        }
        self.plain(folder, &plain)?;
        for name in &folders {
            if is_unpacked(name, &archives) {
                self.source.remark("folders beside an archive of their name, not read", 1);
            } else {
                self.folder(&folder.join(name))?;
            }
        }
        Ok(())
    }

    fn plain(&mut self, folder: &Path, names: &[String]) -> Result<(), PrepareError> {
        let place = |name: &String| folder.join(name).display().to_string();
        let places: Vec<String> =
            names.iter().map(place).filter(|place| (self.wanted)(place)).collect();
        if places.is_empty() {
            return Ok(());
        }
        // One file is named alone; of many, the folder.
        match &places[..] {
            [only] => self.source.used(Path::new(only)),
            _ => self.source.used(folder),
        }
        let total = places.iter().map(|place| fs_err::metadata(place).map_or(0, |m| m.len())).sum();
        self.progress.begin("reading", total);
        for place in &places {
            let file = open(Path::new(place)).map_err(failed(place))?;
            let mut file = Counted { reader: file, progress: self.progress };
            (self.visit)(place, &mut *unpacked(place, &mut file)?)?;
        }
        self.progress.end();
        Ok(())
    }

    fn archive(&mut self, path: &Path) -> Result<(), PrepareError> {
        let place = path.display().to_string();
        self.source.used(path);
        let file = open(path).map_err(failed(&place))?;
        let total = file.metadata().map_err(failed(&place))?.len();
        self.progress.begin("reading", total);
        let mut file = Counted { reader: file, progress: self.progress };
        match kind(&place) {
            Kind::Zip => self.zip(&place, file.reader)?,
            _ => self.tar(&place, &mut *unpacked(&place, &mut file)?)?,
        }
        self.progress.end();
        Ok(())
    }

    fn member(&mut self, place: &str, reader: &mut dyn Read) -> Result<(), PrepareError> {
        match kind(place) {
            Kind::Tar => self.tar(place, &mut *unpacked(place, reader)?),
            // A zip is read from its end. Those inside other archives hold a day of news: 3 MB.
            Kind::Zip => {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).map_err(failed(place))?;
                self.zip(place, Cursor::new(bytes))
            }
            Kind::Other if (self.wanted)(place) => {
                (self.visit)(place, &mut *unpacked(place, reader)?)
            }
            Kind::Other => Ok(()),
        }
    }

    fn tar(&mut self, place: &str, reader: &mut dyn Read) -> Result<(), PrepareError> {
        let mut tar = tar::Archive::new(reader);
        for entry in tar.entries().map_err(failed(place))? {
            let mut entry = entry.map_err(failed(place))?;
            let name = entry.path().map_err(failed(place))?.to_string_lossy().into_owned();
            if entry.header().entry_type().is_file() {
                self.member(&format!("{place}:{name}"), &mut entry)?;
            }
        }
        Ok(())
    }

    fn zip(&mut self, place: &str, reader: impl Read + Seek) -> Result<(), PrepareError> {
        let mut zip = ZipArchive::new(reader).map_err(|error| failed(place)(error.into()))?;
        let mut names: Vec<String> = zip.file_names().map(str::to_owned).collect();
        // What macOS adds to archives is no part of them.
        names.retain(|name| !name.ends_with('/') && !name.starts_with("__MACOSX/"));
        names.sort_unstable();
        for name in names {
            let place = format!("{place}:{name}");
            let mut file = zip.by_name(&name).map_err(|error| failed(&place)(error.into()))?;
            self.member(&place, &mut file)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;
    use crate::progress::Silent;

    const FILES: [(&str, &str); 3] = [("b/1.xml", "one"), ("b/2.txt", "two"), ("a.xml", "three")];

    /// The same files in a folder, a zip and a tgz.
    fn trees(folder: &Path) -> [PathBuf; 3] {
        let mut zip = unzip::ZipWriter::new(Cursor::new(Vec::new()));
        let mut tar = tar::Builder::new(Vec::new());
        for (name, text) in FILES {
            let path = folder.join("tree").join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
            zip.start_file(name, unzip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar.into_inner().unwrap()).unwrap();
        fs_err::write(folder.join("tree.tgz"), gz.finish().unwrap()).unwrap();
        fs_err::write(folder.join("tree.zip"), zip.finish().unwrap().into_inner()).unwrap();
        ["tree", "tree.zip", "tree.tgz"].map(|name| folder.join(name))
    }

    fn members(tree: &Path) -> Result<Vec<(String, Vec<u8>)>, PrepareError> {
        let mut given = Vec::new();
        let wanted = |name: &str| name.strip_suffix(".xml").is_some();
        let about = crate::recipe::find("eurlex")?.about();
        let source = Source::open(tree.parent().unwrap(), about, None, None)?;
        each_batch_below(&source, tree, &wanted, &Silent, &mut |members| {
            given.extend(
                members
                    .into_iter()
                    .map(|member| (file_name(&member.name).to_owned(), member.bytes)),
            );
            Ok(())
        })?;
        Ok(given)
    }

    #[test]
    fn folders_and_archives_give_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let [plain, zip, tgz] = trees(folder.path());
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        let by_name = [file("a.xml", "three"), file("1.xml", "one")];
        assert_eq!(members(&plain).unwrap(), by_name);
        assert_eq!(members(&zip).unwrap(), by_name);
        // In the archive's own order, since it can only be read once.
        assert_eq!(members(&tgz).unwrap(), [file("1.xml", "one"), file("a.xml", "three")]);

        let bytes = fs_err::read(&tgz).unwrap();
        fs_err::write(&tgz, &bytes[..bytes.len() / 2]).unwrap();
        let error = members(&tgz).unwrap_err().to_string();
        assert!(error.contains("tree.tgz: cannot be read"), "{error}");
    }
}
