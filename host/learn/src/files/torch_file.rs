//! Reads the tensors of a `pytorch_model.bin`, as `torch.save` writes a state dict: a zip archive
//! with a pickle and one file a storage, or before PyTorch 1.6 pickles followed by the storages.
//! (libtorch's own reader fails on the `_metadata` that PyTorch hangs on every state dict.)

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;
use std::rc::Rc;

use alhost_base::{Unreadable, foreign};
use tch::{Kind, Tensor};

use crate::files::pickle::{Fault, Pickle, Result, Storage, Value, View, unpickle};

/// Under these keys a training state has the weights among other things, as Lightning's and
/// fairseq's do.
const NESTS: [&str; 6] =
    ["state_dict", "model_state_dict", "model_state", "model", "module", "weights"];

const WHOLE_MODEL: &str =
    "load it where it was made, and save `model.state_dict()` with `torch.save`";

/// A file of the hub's format has one, an outer training state two; more have no sense.
const MOST_NESTS: usize = 4;

pub(crate) fn read(path: &Path) -> std::result::Result<Vec<(String, Tensor)>, Unreadable> {
    let file = foreign::open(path)?;
    let len = file.metadata().map_err(|error| Unreadable::of(path, &error))?.len();
    let mut file = BufReader::new(file);
    let start = file.fill_buf().map_err(|error| Unreadable::of(path, &error))?;
    let tensors = if let Some((what, hint)) = foreign::mistaken(start) {
        Err(Fault::new(format!("is {what}"), hint))
    } else if start.starts_with(b"PK") {
        read_archive(file, len)
    } else {
        let kind = foreign::looks_like(start);
        read_legacy(&mut file, kind)
    };
    tensors.map_err(|fault| Unreadable::new(path, fault.problem, fault.hint))
}

/// `<name>/data.pkl`, and each storage in `<name>/data/<key>`.
fn read_archive(file: impl Read + Seek, len: u64) -> Result<Vec<(String, Tensor)>> {
    let mut archive = zip::ZipArchive::new(file).map_err(damaged)?;
    let pickle = archive.file_names().find(|name| name.ends_with("/data.pkl"));
    let pickle = pickle.ok_or_else(|| {
        let hint = "`model.checkpoint` takes weights that `torch.save` or safetensors wrote";
        Fault::new("is a zip archive, but not one of `torch.save` (it has no data.pkl)", hint)
    })?;
    let folder = pickle.strip_suffix("data.pkl").unwrap_or_default().to_owned();
    let pickle = pickle.to_owned();
    let pickle = unpickle(&mut BufReader::new(archive.by_name(&pickle).map_err(damaged)?))?;
    if let Ok(mut order) = archive.by_name(&format!("{folder}byteorder")) {
        let mut text = [0; 3];
        if order.read_exact(&mut text).is_ok() && text == *b"big" {
            let hint = "save it again on a machine that begins numbers with the lowest byte";
            return Err(Fault::new("was written with the highest byte first", hint));
        }
    }
    let mut entries = Entries { archive, folder, read: HashMap::new(), left: len };
    tensors_of(&pickle, |storage| entries.storage(storage))
}

/// The storages of an archive, each read when first used and only once, whatever it is called.
struct Entries<R> {
    archive: zip::ZipArchive<R>,
    folder: String,
    /// The storages that have been read, by where their bytes are.
    read: HashMap<(u64, u64, Kind), Tensor>,
    /// Bytes that entries can still have: together, no more than the file.
    left: u64,
}

impl<R: Read + Seek> Entries<R> {
    fn storage(&mut self, storage: &Storage) -> Result<Tensor> {
        let name = format!("{}data/{}", self.folder, storage.key);
        let mut entry = self.archive.by_name(&name).map_err(|error| match error {
            zip::result::ZipError::FileNotFound => {
                Fault::damaged(format!("the archive has no storage `{}`", storage.key))
            }
            error => damaged(error),
        })?;
        let place = (entry.data_start(), entry.compressed_size(), storage.kind);
        if let Some(tensor) = self.read.get(&place) {
            return Ok(tensor.shallow_clone());
        }
        let mut bytes = Vec::new();
        entry.by_ref().take(self.left + 1).read_to_end(&mut bytes).map_err(damaged)?;
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or("the archive's entries overlap")?;
        let tensor = flat(&bytes, storage.kind)?;
        self.read.insert(place, tensor.shallow_clone());
        Ok(tensor)
    }
}

/// Magic number, protocol, system, state dict and list of keys, each a pickle; then for each key
/// its number of elements (8 bytes) and the elements. `kind` is what the file looks like.
fn read_legacy(file: &mut impl BufRead, kind: &str) -> Result<Vec<(String, Tensor)>> {
    const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    let first = unpickle(file).ok().map(|pickle| pickle.value);
    if !matches!(first, Some(Value::Long(number)) if *number == MAGIC) {
        let hint = "`model.checkpoint` takes weights that `torch.save` or safetensors wrote; if this \
                    should be such a file, fetch it again";
        return Err(Fault::new(
            format!("is not a file of `torch.save`; it looks like {kind}"),
            hint,
        ));
    }
    unpickle(file)?;
    unpickle(file)?;
    let pickle = unpickle(file)?;
    let keys = unpickle(file)?;
    let keys = keys.items(&keys.value).ok_or("it does not list its storages")?;
    let read = legacy_storages(file, &pickle, keys)?;
    tensors_of(&pickle, |storage| {
        let tensor = read.get(&storage.key).map(Tensor::shallow_clone);
        tensor.ok_or_else(|| Fault::damaged(format!("storage `{}` is missing", storage.key)))
    })
}

/// The storages that the state dict uses, by key; they follow in the order of `keys`.
fn legacy_storages(
    file: &mut impl BufRead,
    pickle: &Pickle,
    keys: &[Value],
) -> Result<HashMap<Rc<str>, Tensor>> {
    let kinds: HashMap<Rc<str>, Kind> =
        pickle.storages.iter().map(|storage| (Rc::clone(&storage.key), storage.kind)).collect();
    let used: BTreeSet<Rc<str>> =
        views(pickle)?.into_values().map(|view| Rc::clone(&view.storage.key)).collect();
    let mut read = HashMap::new();
    for key in keys {
        let Value::Text(key) = key else { return Err("a storage has no name".into()) };
        let kind = *kinds.get(key).ok_or("it has a storage of unknown numbers")?;
        let mut count = [0; 8];
        file.read_exact(&mut count).map_err(damaged)?;
        let len = u64::from_le_bytes(count).saturating_mul(kind.elt_size_in_bytes() as u64);
        let mut content = file.by_ref().take(len);
        let mut bytes = Vec::new();
        let n = if used.contains(key) {
            content.read_to_end(&mut bytes).map_err(damaged)? as u64
        } else {
            io::copy(&mut content, &mut io::sink()).map_err(damaged)?
        };
        if n < len {
            return Err(Fault::damaged(format!("storage `{key}` is cut short")));
        }
        if used.contains(key) {
            read.insert(Rc::clone(key), flat(&bytes, kind)?);
        }
    }
    Ok(read)
}

/// The bytes as numbers in one row.
fn flat(bytes: &[u8], kind: Kind) -> Result<Tensor> {
    let numel = bytes.len() / kind.elt_size_in_bytes();
    let bytes = &bytes[..numel * kind.elt_size_in_bytes()];
    Tensor::f_from_data_size(bytes, &[numel as i64], kind).map_err(damaged)
}

/// Every tensor of the state dict, as a view of its storage.
fn tensors_of(
    pickle: &Pickle,
    mut storage: impl FnMut(&Storage) -> Result<Tensor>,
) -> Result<Vec<(String, Tensor)>> {
    let mut tensors = Vec::new();
    for (name, view) in views(pickle)? {
        let flat = storage(&view.storage)?;
        let n = flat.numel() as i64;
        let fits = |number: Option<i64>| number.is_some_and(|number| number <= n);
        if flat.kind() != view.storage.kind || !fits(view.end()) || !fits(view.numel()) {
            let problem = format!("`{name}` {:?} does not fit into its storage of {n}", view.size);
            return Err(Fault::damaged(problem));
        }
        let tensor = flat.f_as_strided(&view.size, &view.stride, view.offset);
        tensors.push((name.to_string(), tensor.map_err(damaged)?));
    }
    Ok(tensors)
}

/// The tensors of the state dict, wherever it is nested; of two with one name, the later.
fn views(pickle: &Pickle) -> Result<BTreeMap<Rc<str>, Rc<View>>> {
    let mut entries = pickle.entries(&pickle.value).ok_or_else(|| {
        Fault::new("holds something else than a dictionary of tensors", WHOLE_MODEL)
    })?;
    for _ in 0..MOST_NESTS {
        let inner = |nest: &&str| {
            let inner = entries.iter().find(|(key, _)| is_text(key, nest));
            inner.and_then(|(_, value)| pickle.entries(value)).filter(|inner| !inner.is_empty())
        };
        let Some(inner) = NESTS.iter().find_map(inner) else { break };
        entries = inner;
    }
    let tensors: BTreeMap<Rc<str>, Rc<View>> = entries
        .iter()
        .filter_map(|entry| match entry {
            (Value::Text(name), Value::Tensor(view)) => Some((Rc::clone(name), Rc::clone(view))),
            _ => None,
        })
        .collect();
    if tensors.is_empty() {
        return Err(Fault::new(format!("holds no tensors, but {}", keys(entries)), WHOLE_MODEL));
    }
    Ok(tensors)
}

fn is_text(value: &Value, expected: &str) -> bool {
    matches!(value, Value::Text(text) if &**text == expected)
}

/// Some keys of a dictionary, for a message.
fn keys(entries: &[(Value, Value)]) -> String {
    let names = entries.iter().filter_map(|(key, _)| match key {
        Value::Text(text) => Some(format!("`{}`", text.chars().take(40).collect::<String>())),
        _ => None,
    });
    let names: Vec<String> = names.take(8).collect();
    if names.is_empty() { "an empty dictionary".to_owned() } else { names.join(", ") }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn damaged(error: impl ToString) -> Fault {
    Fault::damaged(format!("cannot be read to its end: {}", error.to_string()))
}
