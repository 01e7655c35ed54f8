//! Reads a plugin file without running any of it.

use object::LittleEndian;
use object::elf::{DT_NEEDED, Dyn64, FileHeader64, PT_LOAD};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};

use crate::worker::cut;

type Header = FileHeader64<LittleEndian>;

const LE: LittleEndian = LittleEndian;

/// Why a file cannot be a plugin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ElfError {
    NotElf,
    Truncated { need: u64, have: u64 },
    TruncatedTables,
}

/// Refuses a file whose loadable parts reach past its end: `dlopen` would die of SIGBUS there.
pub(crate) fn check(file: &[u8]) -> Result<(), ElfError> {
    let header = Header::parse(file).map_err(|_| ElfError::NotElf)?;
    if !header.is_class_64() || !header.is_little_endian() {
        return Err(ElfError::NotElf);
    }
    let need = extent(header, file).ok_or(ElfError::TruncatedTables)?;
    let have = file.len() as u64;
    if need > have { Err(ElfError::Truncated { need, have }) } else { Ok(()) }
}

/// Counts the bytes that the file must have: its section table and every segment that is mapped
/// (`PT_LOAD`).
fn extent(header: &Header, file: &[u8]) -> Option<u64> {
    let table = u64::from(header.e_shentsize(LE)) * u64::from(header.e_shnum(LE));
    let mut need = header.e_shoff(LE).checked_add(table)?;
    for segment in header.program_headers(LE, file).ok()? {
        if segment.p_type(LE) == PT_LOAD {
            need = need.max(segment.p_offset(LE).checked_add(segment.p_filesz(LE))?);
        }
    }
    Some(need)
}

/// Returns the bytes of the section called `name`, such as `.alhost.manifest`.
pub(crate) fn section<'a>(file: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let sections = Header::parse(file).ok()?.sections(LE, file).ok()?;
    let (_, section) = sections.section_by_name(LE, name.as_bytes())?;
    section.data(LE, file).ok()
}

/// The most libraries of one file, and bytes of a name: a table that points anywhere has no end of
/// either.
const MAX_NEEDED: usize = 1000;
const MAX_NAME: usize = 1000;

/// Lists the shared libraries that the dynamic section asks for (`DT_NEEDED`), in its order.
pub(crate) fn needed(file: &[u8]) -> Vec<String> {
    let names = || -> Option<Vec<String>> {
        let sections = Header::parse(file).ok()?.sections(LE, file).ok()?;
        let (entries, strings) = sections.dynamic(LE, file).ok()??;
        let strings = sections.strings(LE, file, strings).ok()?;
        let needed = entries.iter().filter(|entry| entry.d_tag(LE) == DT_NEEDED);
        let name = |entry: &Dyn64<LittleEndian>| entry.string(LE, strings).ok();
        let names = needed.take(MAX_NEEDED).filter_map(name);
        Some(names.map(|name| cut(String::from_utf8_lossy(name).into_owned(), MAX_NAME)).collect())
    };
    names().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_elf_is_refused() {
        assert_eq!(check(b""), Err(ElfError::NotElf));
        assert_eq!(check(&[b'#'; 200]), Err(ElfError::NotElf));
        let mut header = vec![0; 64];
        header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        assert_eq!(check(&header), Ok(()), "no segment, no section: nothing is missing");
        assert_eq!(section(&header, ".alhost.manifest"), None);
    }

    #[test]
    fn a_file_cut_anywhere_in_its_loaded_parts_is_refused() {
        let path = std::env::current_exe().unwrap();
        let file = fs_err::read(path).unwrap();
        assert_eq!(check(&file), Ok(()));
        for keep in [64, 100, 5_000, file.len() / 2, file.len() - 1] {
            assert!(check(&file[..keep]).is_err(), "{keep} of {}", file.len());
        }
    }

    #[test]
    fn linked_libraries_are_named_in_order() {
        let path = std::env::current_exe().unwrap();
        let file = fs_err::read(path).unwrap();
        let libraries = needed(&file);
        assert!(libraries.iter().any(|name| name == "libc.so.6"), "{libraries:?}");
        assert!(libraries.iter().all(|name| name.contains(".so")), "{libraries:?}");
        assert_eq!(needed(&file[..64]), [""; 0]);
    }

    #[test]
    fn tables_that_point_anywhere_do_no_harm() {
        let path = std::env::current_exe().unwrap();
        let file = fs_err::read(path).unwrap();
        // Every byte of the header set to 0xff in turn: an answer, never a panic.
        for at in 6..64 {
            let mut broken = file[..4096].to_vec();
            broken[at] = 0xff;
            let _either = check(&broken);
            let _either = section(&broken, ".alhost.manifest");
            let _either = needed(&broken);
        }
    }
}
