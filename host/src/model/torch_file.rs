//! Reads the tensors of a `pytorch_model.bin`, as `torch.save` writes a state dict: a zip archive
//! with a pickle and one file a storage, or before PyTorch 1.6 pickles followed by the storages.
//! (libtorch's own reader fails on the `_metadata` that PyTorch hangs on every state dict.)

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use tch::Tensor;

use super::pickle::{Result, Storage, Value, View, text, unpickle};

pub(super) fn read(path: &Path) -> Result<Vec<(String, Tensor)>> {
    let mut file = BufReader::new(fs_err::File::open(path).map_err(text)?);
    let is_zip = file.fill_buf().map_err(text)?.starts_with(b"PK");
    let (state_dict, mut storages) =
        if is_zip { read_archive(file)? } else { read_legacy(&mut file)? };
    let Value::Dict(entries) = state_dict else {
        return Err("does not hold a dictionary of tensors".to_owned());
    };
    let mut tensors = Vec::new();
    for (name, value) in entries {
        if let (Value::Text(name), Value::Tensor(tensor)) = (name, value) {
            let tensor = storages.view(&tensor).map_err(|error| format!("`{name}`: {error}"))?;
            tensors.push((name, tensor));
        }
    }
    Ok(tensors)
}

/// `<name>/data.pkl`, and each storage in `<name>/data/<key>`.
fn read_archive(file: impl Read + Seek) -> Result<(Value, Storages)> {
    let mut archive = zip::ZipArchive::new(file).map_err(text)?;
    let pickle = archive.file_names().find(|name| name.ends_with("/data.pkl"));
    let pickle = pickle.ok_or("the archive has no data.pkl")?.to_owned();
    let state_dict = unpickle(&mut BufReader::new(archive.by_name(&pickle).map_err(text)?))?;

    let folder = format!("{}data/", pickle.strip_suffix("data.pkl").unwrap_or_default());
    let mut bytes = HashMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(text)?;
        if let Some(key) = entry.name().strip_prefix(&folder).map(str::to_owned) {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(text)?;
            bytes.insert(key, content);
        }
    }
    Ok((state_dict, Storages { bytes, tensors: HashMap::new() }))
}

/// Magic number, protocol, system, state dict and list of keys, each a pickle; then for each key
/// its number of elements (8 bytes) and the elements.
fn read_legacy(file: &mut impl BufRead) -> Result<(Value, Storages)> {
    const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    if unpickle(file).ok() != Some(Value::Long(MAGIC.to_vec())) {
        return Err("is not a file of `torch.save`".to_owned());
    }
    unpickle(file)?;
    unpickle(file)?;
    let state_dict = unpickle(file)?;
    let Value::Sequence(keys) = unpickle(file)? else {
        return Err("does not list its storages".to_owned());
    };
    let sizes = element_sizes(&state_dict);
    let mut bytes = HashMap::new();
    for key in keys {
        let Value::Text(key) = key else { return Err("a storage has no name".to_owned()) };
        let mut count = [0; 8];
        file.read_exact(&mut count).map_err(text)?;
        let size = sizes.get(&key).ok_or_else(|| format!("nothing uses storage {key}"))?;
        let len = u64::from_le_bytes(count).saturating_mul(*size as u64);
        let mut content = Vec::new();
        file.take(len).read_to_end(&mut content).map_err(text)?;
        bytes.insert(key, content);
    }
    Ok((state_dict, Storages { bytes, tensors: HashMap::new() }))
}

/// Bytes of one element of each storage.
fn element_sizes(state_dict: &Value) -> HashMap<String, usize> {
    let Value::Dict(entries) = state_dict else { return HashMap::new() };
    let tensors = entries.iter().filter_map(|(_, value)| match value {
        Value::Tensor(tensor) => Some(tensor),
        _ => None,
    });
    tensors.map(|t| (t.storage.key.clone(), t.storage.kind.elt_size_in_bytes())).collect()
}

struct Storages {
    bytes: HashMap<String, Vec<u8>>,
    /// Flat, made when first used; tied tensors share one.
    tensors: HashMap<String, Tensor>,
}

impl Storages {
    fn view(&mut self, view: &View) -> Result<Tensor> {
        let Storage { key, kind } = &view.storage;
        if !self.tensors.contains_key(key) {
            let bytes =
                self.bytes.remove(key).ok_or_else(|| format!("storage {key} is missing"))?;
            let numel = bytes.len() / kind.elt_size_in_bytes();
            let bytes = &bytes[..numel * kind.elt_size_in_bytes()];
            let flat = Tensor::f_from_data_size(bytes, &[numel as i64], *kind).map_err(text)?;
            self.tensors.insert(key.clone(), flat);
        }
        let flat = &self.tensors[key];
        if view.size.len() != view.stride.len() || view.end()? > flat.numel() as i64 {
            return Err(format!("storage {key} is too short"));
        }
        flat.f_as_strided(&view.size, &view.stride, view.offset).map_err(text)
    }
}
