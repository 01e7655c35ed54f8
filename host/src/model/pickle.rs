//! Reads the tensors of a `pytorch_model.bin`, as `torch.save` writes a state dict: a zip archive
//! with a pickle and one file a storage, or before PyTorch 1.6 pickles followed by the storages.
//! (libtorch's own reader fails on the `_metadata` that PyTorch hangs on every state dict.)
//!
//! Nothing that the pickle names is ever run: the few names that build tensors are known here, and
//! whatever else it may call becomes an opaque value.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use tch::{Kind, Tensor};

/// What was wrong, for a person.
type Result<T> = std::result::Result<T, String>;

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

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn text(error: impl ToString) -> String {
    error.to_string()
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

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Int(i64),
    /// More than 8 bytes, lowest first.
    Long(Vec<u8>),
    Text(String),
    /// A tuple or a list.
    Sequence(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// Module and name of a class or function.
    Global(String),
    Storage(Storage),
    Tensor(View),
    /// None, booleans, floats, and objects that tensors are not made of.
    Opaque,
}

#[derive(Clone, Debug, PartialEq)]
struct Storage {
    key: String,
    kind: Kind,
}

/// A tensor: a strided view of a storage.
#[derive(Clone, Debug, PartialEq)]
struct View {
    storage: Storage,
    offset: i64,
    size: Vec<i64>,
    stride: Vec<i64>,
}

impl View {
    /// One past the last element that the view touches.
    fn end(&self) -> Result<i64> {
        let bad = || "impossible shape".to_owned();
        if self.offset < 0 || self.size.iter().chain(&self.stride).any(|&n| n < 0) {
            return Err(bad());
        }
        if self.size.contains(&0) {
            return Ok(0);
        }
        let spans = self.size.iter().zip(&self.stride);
        spans
            .map(|(size, stride)| (size - 1).checked_mul(*stride))
            .try_fold(self.offset + 1, |end, span| end.checked_add(span?))
            .ok_or_else(bad)
    }
}

/// Runs one pickle: <https://github.com/python/cpython/blob/3.12/Lib/pickletools.py>.
fn unpickle(input: &mut impl BufRead) -> Result<Value> {
    let mut machine = Machine { input, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    loop {
        let [opcode] = machine.bytes()?;
        if opcode == b'.' {
            return machine.pop();
        }
        machine.step(opcode)?;
    }
}

struct Machine<'a, R> {
    input: &'a mut R,
    stack: Vec<Value>,
    /// Heights of the stack at open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl<R: BufRead> Machine<'_, R> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            0x80 => return self.bytes::<1>().map(drop), // PROTO
            b'b' => return self.pop().map(drop),        // BUILD: attributes, which we do not read.
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(());
            }
            b'a' | b'e' | b's' | b'u' => return self.fill(opcode),
            b'q' | b'r' => {
                let index = self.index(opcode == b'q')?;
                let top = self.stack.last().ok_or("the stack is empty")?.clone();
                self.memo.insert(index, top);
                return Ok(());
            }
            b'h' | b'j' => {
                let index = self.index(opcode == b'h')?;
                self.memo.get(&index).ok_or("a value is used before it is made")?.clone()
            }
            b'N' | 0x88 | 0x89 => Value::Opaque,
            b'G' => self.bytes::<8>().map(|_| Value::Opaque)?, // BINFLOAT
            b'K' | b'M' | b'J' | 0x8a => self.number(opcode)?,
            b'X' | b'T' | b'U' | 0x8c => self.string(opcode)?,
            b')' | b']' => Value::Sequence(Vec::new()),
            b'}' => Value::Dict(Vec::new()),
            b't' => Value::Sequence(self.since_mark()?),
            0x85..=0x87 => {
                let len = usize::from(opcode - 0x84); // TUPLE1, TUPLE2, TUPLE3
                let start = self.stack.len().checked_sub(len).ok_or("the stack is empty")?;
                Value::Sequence(self.stack.split_off(start))
            }
            b'c' => Value::Global(format!("{} {}", self.line()?, self.line()?)),
            b'Q' => storage(&self.pop()?)?,
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                call(&function, arguments)?
            }
            _ => return Err(format!("the pickle has an unknown opcode {opcode:#04x}")),
        };
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value> {
        self.stack.pop().ok_or_else(|| "the stack is empty".to_owned())
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|_| "the pickle is cut short")?;
        Ok(bytes)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.input.read_line(&mut line).map_err(text)?;
        Ok(line.trim_end().to_owned())
    }

    fn index(&mut self, short: bool) -> Result<u32> {
        Ok(if short { self.bytes::<1>()?[0].into() } else { u32::from_le_bytes(self.bytes()?) })
    }

    fn number(&mut self, opcode: u8) -> Result<Value> {
        Ok(match opcode {
            b'K' => Value::Int(self.bytes::<1>()?[0].into()),
            b'M' => Value::Int(u16::from_le_bytes(self.bytes()?).into()),
            b'J' => Value::Int(i32::from_le_bytes(self.bytes()?).into()),
            _ => {
                let bytes = self.counted(1)?; // LONG1, two's complement
                if bytes.len() > 8 {
                    return Ok(Value::Long(bytes));
                }
                let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
                let mut whole = [if negative { 0xff } else { 0 }; 8];
                whole[..bytes.len()].copy_from_slice(&bytes);
                Value::Int(i64::from_le_bytes(whole))
            }
        })
    }

    fn string(&mut self, opcode: u8) -> Result<Value> {
        let width = if opcode == b'X' || opcode == b'T' { 4 } else { 1 };
        let bytes = self.counted(width)?;
        Ok(Value::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Bytes whose number comes first, in `width` bytes.
    fn counted(&mut self, width: usize) -> Result<Vec<u8>> {
        let len = self.index(width == 1)?;
        let mut bytes = Vec::new();
        let read = self.input.take(len.into()).read_to_end(&mut bytes).map_err(text)?;
        if read < len as usize { Err("the pickle is cut short".to_owned()) } else { Ok(bytes) }
    }

    fn since_mark(&mut self) -> Result<Vec<Value>> {
        let start = self.marks.pop().ok_or("no mark is open")?;
        if start > self.stack.len() {
            return Err("a mark is above the stack".to_owned());
        }
        Ok(self.stack.split_off(start))
    }

    /// APPEND, APPENDS, SETITEM and SETITEMS: items go into the container below them.
    fn fill(&mut self, opcode: u8) -> Result<()> {
        let items = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.since_mark()?,
        };
        match self.stack.last_mut() {
            Some(Value::Sequence(list)) => list.extend(items),
            Some(Value::Dict(entries)) => {
                let mut items = items.into_iter();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    entries.push((key, value));
                }
            }
            Some(_) => (), // An object we know nothing of.
            None => return Err("the stack is empty".to_owned()),
        }
        Ok(())
    }
}

/// A persistent id: ("storage", class, key, device, number of elements, ..).
fn storage(id: &Value) -> Result<Value> {
    let bad = || "the pickle refers to something that is no storage".to_owned();
    let Value::Sequence(parts) = id else { return Err(bad()) };
    let [Value::Text(what), Value::Global(class), Value::Text(key), ..] = parts.as_slice() else {
        return Err(bad());
    };
    if what != "storage" {
        return Err(bad());
    }
    let kind = match class.as_str() {
        "torch FloatStorage" => Kind::Float,
        "torch HalfStorage" => Kind::Half,
        "torch BFloat16Storage" => Kind::BFloat16,
        "torch DoubleStorage" => Kind::Double,
        "torch LongStorage" => Kind::Int64,
        "torch IntStorage" => Kind::Int,
        "torch ByteStorage" => Kind::Uint8,
        "torch BoolStorage" => Kind::Bool,
        _ => return Err(format!("storages of `{class}` are not supported")),
    };
    Ok(Value::Storage(Storage { key: key.clone(), kind }))
}

fn call(function: &Value, arguments: Value) -> Result<Value> {
    let (Value::Global(function), Value::Sequence(arguments)) = (function, arguments) else {
        return Ok(Value::Opaque);
    };
    match function.as_str() {
        "collections OrderedDict" => Ok(Value::Dict(Vec::new())),
        // A tensor, then whether it has gradients.
        "torch._utils _rebuild_parameter" => {
            arguments.into_iter().next().ok_or_else(|| "a parameter has no tensor".to_owned())
        }
        "torch._utils _rebuild_tensor_v2" => {
            let [Value::Storage(storage), Value::Int(offset), size, stride, ..] =
                arguments.as_slice()
            else {
                return Err("a tensor is made in an unknown way".to_owned());
            };
            let (size, stride) = (integers(size)?, integers(stride)?);
            Ok(Value::Tensor(View { storage: storage.clone(), offset: *offset, size, stride }))
        }
        _ => Ok(Value::Opaque),
    }
}

fn integers(value: &Value) -> Result<Vec<i64>> {
    let Value::Sequence(items) = value else { return Err("a shape is no tuple".to_owned()) };
    let integer = |item: &Value| match item {
        Value::Int(item) => Ok(*item),
        _ => Err("a shape has something else than integers".to_owned()),
    };
    items.iter().map(integer).collect()
}
