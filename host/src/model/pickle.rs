//! Runs the pickles in a `pytorch_model.bin`, as far as they make tensors:
//! <https://github.com/python/cpython/blob/3.12/Lib/pickletools.py>.
//!
//! Nothing that a pickle names is ever run: the few names that build tensors are known here, and
//! whatever else it may call becomes an opaque value.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use tch::Kind;

/// What was wrong, for a person.
pub(super) type Result<T> = std::result::Result<T, String>;

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(super) fn text(error: impl ToString) -> String {
    error.to_string()
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
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
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) kind: Kind,
}

/// A tensor: a strided view of a storage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) storage: Storage,
    pub(super) offset: i64,
    pub(super) size: Vec<i64>,
    pub(super) stride: Vec<i64>,
}

impl View {
    /// One past the last element that the view touches.
    pub(super) fn end(&self) -> Result<i64> {
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

/// Runs one pickle.
pub(super) fn unpickle(input: &mut impl BufRead) -> Result<Value> {
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
