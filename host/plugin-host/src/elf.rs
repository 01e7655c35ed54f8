//! Reads a plugin file without running any of it.

/// Why a file cannot be a plugin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ElfError {
    NotElf,
    Truncated { need: u64, have: u64 },
    TruncatedTables,
}

/// Refuses a file whose loadable parts reach past its end: `dlopen` would die of SIGBUS there.
pub(crate) fn check(file: &[u8]) -> Result<(), ElfError> {
    let is_elf64 = file.len() >= 64 && file.starts_with(b"\x7fELF\x02\x01");
    if !is_elf64 {
        return Err(ElfError::NotElf);
    }
    let need = extent(file).ok_or(ElfError::TruncatedTables)?;
    let have = file.len() as u64;
    if need > have { Err(ElfError::Truncated { need, have }) } else { Ok(()) }
}

/// Bytes that the file must have: its section table and every segment that is mapped (`PT_LOAD`).
fn extent(file: &[u8]) -> Option<u64> {
    let (phoff, phsize, n_ph) = (int::<8>(file, 32)?, int::<2>(file, 54)?, int::<2>(file, 56)?);
    let (shoff, shsize, n_sh) = (int::<8>(file, 40)?, int::<2>(file, 58)?, int::<2>(file, 60)?);
    let mut need = shoff.checked_add(shsize * n_sh)?;
    for i in 0..n_ph {
        let header = phoff.checked_add(i * phsize)?;
        let is_load = int::<4>(file, header)? == 1;
        if is_load {
            let offset = int::<8>(file, header.checked_add(8)?)?;
            let end = offset.checked_add(int::<8>(file, header.checked_add(32)?)?)?;
            need = need.max(end);
        }
    }
    Some(need)
}

/// The bytes of the section called `name`, such as `.alhost.manifest`.
pub(crate) fn section<'a>(file: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (shoff, shsize, n_sh) = (int::<8>(file, 40)?, int::<2>(file, 58)?, int::<2>(file, 60)?);
    let header = |idx: u64| shoff.checked_add(idx * shsize);
    let body = |header: u64| {
        let start = usize::try_from(int::<8>(file, header.checked_add(24)?)?).ok()?;
        let len = usize::try_from(int::<8>(file, header.checked_add(32)?)?).ok()?;
        file.get(start..start.checked_add(len)?)
    };
    let names = body(header(int::<2>(file, 62)?)?)?;
    (0..n_sh).find_map(|idx| {
        let header = header(idx)?;
        let tail = names.get(usize::try_from(int::<4>(file, header)?).ok()?..)?;
        let is_it = tail.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"\0"));
        if is_it { body(header) } else { None }
    })
}

/// Libraries of one file, and bytes of a name: a table that points anywhere has no end of either.
const MAX_NEEDED: usize = 1000;
const MAX_NAME: usize = 1000;

/// The shared libraries that the dynamic section asks for (`DT_NEEDED`), in its order.
pub(crate) fn needed(file: &[u8]) -> Vec<String> {
    const DT_NEEDED: u64 = 1;
    let (Some(dynamic), Some(names)) = (section(file, ".dynamic"), section(file, ".dynstr")) else {
        return Vec::new();
    };
    let entries = dynamic.chunks_exact(16);
    let needed = entries.filter(|entry| int::<8>(entry, 0) == Some(DT_NEEDED));
    needed.take(MAX_NEEDED).filter_map(|entry| text(names, int::<8>(entry, 8)?)).collect()
}

/// The text at `at`, up to its zero byte.
fn text(names: &[u8], at: u64) -> Option<String> {
    let tail = names.get(usize::try_from(at).ok()?..)?;
    let tail = &tail[..tail.len().min(MAX_NAME)];
    let end = tail.iter().position(|&byte| byte == 0)?;
    Some(String::from_utf8_lossy(&tail[..end]).into_owned())
}

/// A little-endian integer of `N` bytes.
fn int<const N: usize>(file: &[u8], at: u64) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let mut le = [0; 8];
    le[..N].copy_from_slice(file.get(at..at.checked_add(N)?)?);
    Some(u64::from_le_bytes(le))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_elf_is_refused() {
        assert_eq!(check(b""), Err(ElfError::NotElf));
        assert_eq!(check(&[b'#'; 200]), Err(ElfError::NotElf));
        let mut header = vec![0; 64];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
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
