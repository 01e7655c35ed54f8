//! Files as they are distributed: plain, compressed, or many in one archive.

use std::io::{BufRead, BufReader, Cursor, Read};
use std::ops::ControlFlow;
use std::path::Path;

use alhost_base::foreign;
use fs_err::File;
use unzip::ZipArchive;

use crate::error::PrepareError;
use crate::progress::Progress;
use crate::source::Member;

const BUFFER: usize = 1 << 18;
/// Files handed on together hold about so many bytes, at most so many files.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_FILES: usize = 512;

fn failed(path: &Path) -> impl Fn(std::io::Error) -> PrepareError {
    let place = path.display().to_string();
    move |source| PrepareError::Read { place: place.clone(), source }
}

/// The names in a folder, sorted.
pub(crate) fn entries(folder: &Path) -> Result<Vec<String>, PrepareError> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(failed(folder))? {
        let name = entry.map_err(failed(folder))?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// Tells how many bytes of the file itself went through, before they are unpacked.
pub(crate) struct Counted<'a, R> {
    pub(crate) reader: R,
    pub(crate) progress: &'a dyn Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.progress.advance(n as u64);
        Ok(n)
    }
}

/// Unpacks what a reader holds, where its first bytes are those of gzip, xz or zstd. `place` is for
/// errors.
pub(crate) fn unpacked<'a>(
    place: &str,
    reader: &'a mut dyn Read,
) -> Result<Box<dyn Read + 'a>, PrepareError> {
    let failed = |source| PrepareError::Read { place: place.to_owned(), source };
    let mut start = Vec::with_capacity(6);
    (&mut *reader).take(6).read_to_end(&mut start).map_err(failed)?;
    let is = |magic: &[u8]| start.starts_with(magic);
    let (gzip, zstd) = (is(&[0x1f, 0x8b]), is(&[0x28, 0xb5, 0x2f, 0xfd]));
    let xz = is(&[0xfd, b'7', b'z', b'X', b'Z', 0]);
    let whole = Cursor::new(start).chain(reader);
    Ok(match (gzip, zstd, xz) {
        (true, ..) => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        (_, true, _) => Box::new(zstd::Decoder::new(whole).map_err(failed)?),
        (_, _, true) => Box::new(lzma_rust2::XzReader::new(whole, true)),
        _ => Box::new(whole),
    })
}

/// Lends the content of a file, unpacked as by [`unpacked`].
pub(crate) fn read_plain<T>(
    path: &Path,
    progress: &dyn Progress,
    with: impl FnOnce(&mut dyn Read) -> Result<T, PrepareError>,
) -> Result<T, PrepareError> {
    let failed = failed(path);
    let file = open(path).map_err(&failed)?;
    progress.begin("reading", file.metadata().map_err(&failed)?.len());
    let mut file = BufReader::with_capacity(BUFFER, Counted { reader: file, progress });
    let given = with(&mut *unpacked(&path.display().to_string(), &mut file)?);
    progress.end();
    given
}

/// A file of a distribution; a pipe, which could be waited for without end, is none.
pub(crate) fn open(path: &Path) -> std::io::Result<File> {
    foreign::open(path).map_err(|error| std::io::Error::other(error.problem))
}

type Zip = ZipArchive<BufReader<File>>;

fn open_zip(path: &Path) -> Result<Zip, PrepareError> {
    let file = open(path).map_err(failed(path))?;
    ZipArchive::new(BufReader::with_capacity(BUFFER, file))
        .map_err(|error| failed(path)(std::io::Error::from(error)))
}

/// The names of the files in a `.zip`, sorted.
pub(crate) fn zip_names(path: &Path) -> Result<Vec<String>, PrepareError> {
    let zip = open_zip(path)?;
    // What macOS adds to archives is no part of them.
    let is_file = |name: &&str| !name.ends_with('/') && !name.starts_with("__MACOSX/");
    let mut names: Vec<String> = zip.file_names().filter(is_file).map(str::to_owned).collect();
    names.sort_unstable();
    Ok(names)
}

/// Lends the content of one file of a `.zip`.
pub(crate) fn read_zipped<T>(
    path: &Path,
    member: &str,
    progress: &dyn Progress,
    with: impl FnOnce(&mut dyn Read) -> Result<T, PrepareError>,
) -> Result<T, PrepareError> {
    let mut zip = open_zip(path)?;
    let file = zip.by_name(member).map_err(|error| failed(path)(std::io::Error::from(error)))?;
    progress.begin("reading", file.size());
    let given = with(&mut Counted { reader: file, progress });
    progress.end();
    given
}

pub(crate) fn is_tar(name: &str) -> bool {
    [".tar", ".tgz", ".tar.gz"].iter().any(|ending| name.ends_with(ending))
}

/// The names of the files in a tar archive, in its order.
pub(crate) fn tar_names(path: &Path) -> Result<Vec<String>, PrepareError> {
    let mut names = Vec::new();
    each_entry(path, &mut |name, _size, _reader| {
        names.push(name.to_owned());
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(names)
}

/// Lends the content of one file of a tar archive.
pub(crate) fn read_tarred<T>(
    path: &Path,
    member: &str,
    progress: &dyn Progress,
    with: impl FnOnce(&mut dyn Read) -> Result<T, PrepareError>,
) -> Result<T, PrepareError> {
    let (mut with, mut given) = (Some(with), None);
    each_entry(path, &mut |name, size, reader| {
        let Some(with) = with.take_if(|_| name == member) else {
            return Ok(ControlFlow::Continue(()));
        };
        progress.begin("reading", size);
        given = Some(with(&mut Counted { reader, progress })?);
        progress.end();
        Ok(ControlFlow::Break(()))
    })?;
    given.ok_or_else(|| failed(path)(std::io::ErrorKind::NotFound.into()))
}

/// Name, size and content of a file in an archive.
type EachEntry<'a> =
    dyn FnMut(&str, u64, &mut dyn Read) -> Result<ControlFlow<()>, PrepareError> + 'a;

/// Steps over what is not read, without reading it if the archive is not compressed.
fn each_entry(path: &Path, each: &mut EachEntry<'_>) -> Result<(), PrepareError> {
    let failed = failed(path);
    let mut file = BufReader::with_capacity(BUFFER, open(path).map_err(&failed)?);
    if file.fill_buf().map_err(&failed)?.starts_with(&[0x1f, 0x8b]) {
        let mut tar = tar::Archive::new(flate2::bufread::MultiGzDecoder::new(file));
        walk(path, tar.entries().map_err(&failed)?, each)
    } else {
        let mut tar = tar::Archive::new(file);
        walk(path, tar.entries_with_seek().map_err(&failed)?, each)
    }
}

fn walk<R: Read>(
    path: &Path,
    entries: tar::Entries<'_, R>,
    each: &mut EachEntry<'_>,
) -> Result<(), PrepareError> {
    let failed = failed(path);
    for entry in entries {
        let mut entry = entry.map_err(&failed)?;
        let name = entry.path().map_err(&failed)?.to_string_lossy().into_owned();
        let size = entry.size();
        if entry.header().entry_type().is_file() && each(&name, size, &mut entry)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Files read and not yet handed on.
pub(crate) struct Batch<'a> {
    members: Vec<Member>,
    n_bytes: usize,
    each: &'a mut dyn FnMut(Vec<Member>) -> Result<(), PrepareError>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(each: &'a mut dyn FnMut(Vec<Member>) -> Result<(), PrepareError>) -> Self {
        Self { members: Vec::new(), n_bytes: 0, each }
    }

    pub(crate) fn push(&mut self, member: Member) -> Result<(), PrepareError> {
        self.n_bytes += member.bytes.len();
        self.members.push(member);
        if self.n_bytes >= BATCH_BYTES || self.members.len() >= BATCH_FILES {
            return self.flush();
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), PrepareError> {
        self.n_bytes = 0;
        let members = std::mem::take(&mut self.members);
        if members.is_empty() { Ok(()) } else { (self.each)(members) }
    }
}

/// The files below a folder, in the order of their paths.
pub(crate) fn list_below(
    folder: &Path,
    prefix: &str,
    names: &mut Vec<String>,
) -> Result<(), PrepareError> {
    for name in entries(&folder.join(prefix))? {
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if folder.join(&name).is_dir() {
            list_below(folder, &name, names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}
