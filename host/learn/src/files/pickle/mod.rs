//! Runs the pickles in a `pytorch_model.bin`, as far as they make tensors:
//! <https://github.com/python/cpython/blob/3.12/Lib/pickletools.py>. Protocols 2 to 5.
//!
//! A pickle is a program of strangers. What it can allocate is bounded by its length and by
//! [`MOST_STEPS`], since no step makes more than one small value.

mod tensors;
mod values;

use std::collections::HashMap;
use std::io::{BufRead, Read, Take};
use std::rc::Rc;

use values::Heap;
pub(in crate::files) use values::{Storage, Value, View};

/// The fault of a file, and what to do about it.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) problem: String,
    pub(crate) hint: &'static str,
}

pub(crate) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    pub(crate) fn new(problem: impl Into<String>, hint: &'static str) -> Self {
        Self { problem: problem.into(), hint }
    }

    /// Makes a fault of the file itself.
    pub(crate) fn damaged(problem: impl Into<String>) -> Self {
        Self::new(problem, "the file seems to be cut short or damaged; fetch or save it again")
    }
}

/// Makes a fault of the file from its text, for `ok_or("..")?`.
impl From<&str> for Fault {
    fn from(problem: &str) -> Self {
        Self::damaged(problem)
    }
}

/// A BERT's state dict takes some ten thousand.
const MOST_STEPS: usize = 4_000_000;

/// A BERT's state dict takes 0.1 MB; whole training states, with their settings, some MB.
const MOST_BYTES: u64 = 64 << 20;

/// The value that one pickle made, with all that it refers to.
pub(crate) struct Pickle {
    pub(crate) value: Value,
    heap: Heap,
    /// Every storage that it mentions, in this order.
    pub(crate) storages: Vec<Rc<Storage>>,
}

impl Pickle {
    /// Returns the items of a tuple or list; `None` where the value is neither.
    pub(crate) fn items(&self, value: &Value) -> Option<&[Value]> {
        self.heap.items(value)
    }

    /// Returns the entries of a dictionary; `None` where the value is none.
    pub(crate) fn entries(&self, value: &Value) -> Option<&[(Value, Value)]> {
        self.heap.entries(value)
    }
}

/// Runs one pickle, up to its end and not beyond.
pub(crate) fn unpickle(input: &mut impl BufRead) -> Result<Pickle> {
    let mut machine = Machine {
        input: input.take(MOST_BYTES),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        heap: Heap::default(),
        storages: Vec::new(),
    };
    for _ in 0..MOST_STEPS {
        let [opcode] = machine.bytes()?;
        if opcode == b'.' {
            let value = machine.pop()?;
            return Ok(Pickle { value, heap: machine.heap, storages: machine.storages });
        }
        machine.step(opcode)?;
    }
    let hint = "save the weights alone, with `torch.save(model.state_dict(), ..)`";
    Err(Fault::new(format!("its pickle has more than {MOST_STEPS} steps"), hint))
}

struct Machine<R> {
    input: Take<R>,
    stack: Vec<Value>,
    /// Heights of the stack at open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    heap: Heap,
    storages: Vec<Rc<Storage>>,
}

impl<R: BufRead> Machine<R> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            0x80 => return self.bytes::<1>().map(drop), // PROTO
            0x95 => return self.bytes::<8>().map(drop), // FRAME: how much follows.
            b'0' | b'b' => return self.pop().map(drop), // POP; BUILD: attributes, which we do not read.
            b'1' => return self.since_mark().map(drop), // POP_MARK
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(());
            }
            b'a' | b'e' | b's' | b'u' | 0x90 => return self.fill(opcode),
            b'q' | b'r' | 0x94 => return self.keep(opcode),
            b'h' | b'j' => {
                let index = self.index(opcode == b'h')?;
                self.memo.get(&index).ok_or("a value is used before it is made")?.clone()
            }
            b'2' => self.top()?.clone(), // DUP
            b'N' | 0x88 | 0x89 => Value::Opaque,
            b'G' => self.bytes::<8>().map(|_| Value::Opaque)?, // BINFLOAT
            b'K' | b'M' | b'J' | 0x8a | 0x8b => self.number(opcode)?,
            b'X' | b'T' | b'U' | 0x8c | 0x8d => self.string(opcode)?,
            b'B' | b'C' | 0x8e | 0x96 => self.counted(opcode).map(|_| Value::Opaque)?, // bytes
            b')' | b']' | 0x8f => self.heap.sequence(Vec::new()), // also EMPTY_SET
            b'}' => self.heap.dict(),
            b't' | 0x91 => self.since_mark().map(|items| self.heap.sequence(items))?, // also FROZENSET
            0x85..=0x87 => {
                let len = usize::from(opcode - 0x84); // TUPLE1, TUPLE2, TUPLE3
                let start = self.stack.len().checked_sub(len).ok_or(NOTHING_LEFT)?;
                let items = self.stack.split_off(start);
                self.heap.sequence(items)
            }
            b'c' => Value::Global(format!("{} {}", self.line()?, self.line()?).into()),
            0x93 => self.named_by_stack()?, // STACK_GLOBAL
            b'Q' => self.storage()?,
            b'R' | 0x81 | 0x92 => self.call(opcode)?, // REDUCE, NEWOBJ, NEWOBJ_EX
            _ => return Err(unknown(opcode)),
        };
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value> {
        Ok(self.stack.pop().ok_or(NOTHING_LEFT)?)
    }

    fn top(&self) -> Result<&Value> {
        Ok(self.stack.last().ok_or(NOTHING_LEFT)?)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|_| CUT)?;
        Ok(bytes)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        self.input.read_until(b'\n', &mut line).map_err(|_| CUT)?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    fn index(&mut self, short: bool) -> Result<u32> {
        Ok(if short { self.bytes::<1>()?[0].into() } else { u32::from_le_bytes(self.bytes()?) })
    }

    /// `BINPUT`, `LONG_BINPUT`, `MEMOIZE`: the top is used again.
    fn keep(&mut self, opcode: u8) -> Result<()> {
        let index = if opcode == 0x94 {
            u32::try_from(self.memo.len()).map_err(|_| "the pickle keeps too much")?
        } else {
            self.index(opcode == b'q')?
        };
        let top = self.top()?.clone();
        self.memo.insert(index, top);
        Ok(())
    }

    fn number(&mut self, opcode: u8) -> Result<Value> {
        Ok(match opcode {
            b'K' => Value::Int(self.bytes::<1>()?[0].into()),
            b'M' => Value::Int(u16::from_le_bytes(self.bytes()?).into()),
            b'J' => Value::Int(i32::from_le_bytes(self.bytes()?).into()),
            _ => {
                let bytes = self.counted(opcode)?; // LONG1, LONG4, two's complement
                if bytes.len() > 8 {
                    return Ok(Value::Long(bytes.into()));
                }
                let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
                let mut whole = [if negative { 0xff } else { 0 }; 8];
                whole[..bytes.len()].copy_from_slice(&bytes);
                Value::Int(i64::from_le_bytes(whole))
            }
        })
    }

    fn string(&mut self, opcode: u8) -> Result<Value> {
        let bytes = self.counted(opcode)?;
        Ok(Value::Text(String::from_utf8_lossy(&bytes).into()))
    }

    /// Bytes whose number comes first, in as many bytes as the opcode says.
    fn counted(&mut self, opcode: u8) -> Result<Vec<u8>> {
        let len = match opcode {
            b'U' | b'C' | 0x8a | 0x8c => self.bytes::<1>()?[0].into(),
            0x8d | 0x8e | 0x96 => u64::from_le_bytes(self.bytes()?),
            _ => u32::from_le_bytes(self.bytes()?).into(),
        };
        let mut bytes = Vec::new();
        // Grows with what is there, whatever is announced.
        let read = self.input.by_ref().take(len).read_to_end(&mut bytes).map_err(|_| CUT)?;
        if (read as u64) < len { Err(CUT.into()) } else { Ok(bytes) }
    }

    fn since_mark(&mut self) -> Result<Vec<Value>> {
        let start = self.marks.pop().ok_or("no mark is open")?;
        if start > self.stack.len() {
            return Err("a mark is above the stack".into());
        }
        Ok(self.stack.split_off(start))
    }

    /// APPEND, APPENDS, SETITEM, SETITEMS, ADDITEMS: items go into the container below them.
    fn fill(&mut self, opcode: u8) -> Result<()> {
        let items = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.since_mark()?,
        };
        let container = self.top()?.clone();
        self.heap.fill(&container, items);
        Ok(())
    }

    fn named_by_stack(&mut self) -> Result<Value> {
        let (name, module) = (self.pop()?, self.pop()?);
        let (Value::Text(name), Value::Text(module)) = (name, module) else {
            return Err("a class has no name".into());
        };
        Ok(Value::Global(format!("{module} {name}").into()))
    }

    fn storage(&mut self) -> Result<Value> {
        let id = self.pop()?;
        let value = tensors::storage(&self.heap, &id)?;
        if let Value::Storage(storage) = &value {
            self.storages.push(Rc::clone(storage));
        }
        Ok(value)
    }

    fn call(&mut self, opcode: u8) -> Result<Value> {
        if opcode == 0x92 {
            self.pop()?; // Arguments with names, which nothing that we know has.
        }
        let (arguments, function) = (self.pop()?, self.pop()?);
        tensors::call(&mut self.heap, &function, &arguments)
    }
}

const NOTHING_LEFT: &str = "the pickle takes from an empty stack";
const CUT: &str = "the pickle is cut short";

fn unknown(opcode: u8) -> Fault {
    let hint = "save it again, with `torch.save(model.state_dict(), ..)` and no other protocol";
    Fault::new(format!("its pickle has an unknown opcode, {opcode:#04x}"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a text as BINUNICODE.
    fn word(text: &str) -> Vec<u8> {
        [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
    }

    fn run(pickle: &[u8]) -> Result<Pickle> {
        unpickle(&mut &*pickle)
    }

    fn refused(pickle: &[u8], expected: &str) {
        let fault = run(pickle).err().unwrap();
        assert!(fault.problem.contains(expected), "{}", fault.problem);
    }

    /// `{"w": a tensor of two by three}`, each name given by `name`, each class by `class`.
    fn state_dict(
        name: impl Fn(&str) -> Vec<u8>,
        class: impl Fn(&str, &str) -> Vec<u8>,
    ) -> Vec<u8> {
        let storage = [
            b"(".to_vec(),
            name("storage"),
            class("torch", "FloatStorage"),
            name("0"),
            name("cpu"),
            b"K\x06tQ".to_vec(),
        ];
        let tensor = [
            class("torch._utils", "_rebuild_tensor_v2"),
            b"(".to_vec(),
            storage.concat(),
            b"K\x00K\x02K\x03\x86K\x03K\x01\x86\x89}tR".to_vec(),
        ];
        [b"}".to_vec(), name("w"), tensor.concat(), b"s.".to_vec()].concat()
    }

    fn holds_a_tensor(pickle: &[u8]) {
        let pickle = run(pickle).unwrap();
        let entries = pickle.entries(&pickle.value).unwrap();
        let [(Value::Text(name), Value::Tensor(view))] = entries else { panic!("{entries:?}") };
        assert_eq!((&**name, &*view.storage.key), ("w", "0"));
        assert_eq!((&view.size, &view.stride, view.end()), (&vec![2, 3], &vec![3, 1], Some(6)));
        assert_eq!(pickle.storages.len(), 1);
    }

    #[test]
    fn protocols_two_and_four_make_the_same_tensor() {
        let line = |module: &str, name: &str| format!("c{module}\n{name}\n").into_bytes();
        holds_a_tensor(&[b"\x80\x02".to_vec(), state_dict(word, line)].concat());
        let short = |text: &str| [&[0x8c, text.len() as u8], text.as_bytes(), &[0x94]].concat();
        let by_stack =
            |module: &str, name: &str| [short(module), short(name), b"\x93\x94".to_vec()].concat();
        let framed = [b"\x80\x04\x95\x00\x01\x00\x00\x00\x00\x00\x00".to_vec()];
        holds_a_tensor(&[framed.concat(), state_dict(short, by_stack)].concat());
    }

    #[test]
    fn what_is_kept_and_then_filled_is_the_same_list() {
        let pickle = run(b"]q\x00K\x07a0h\x00.").unwrap();
        let items = pickle.items(&pickle.value).unwrap();
        assert!(matches!(items, [Value::Int(7)]), "{items:?}");
    }

    #[test]
    fn forty_doublings_take_no_more_room_than_forty_values() {
        let mut laughs = [word("lol"), b"q\x00".to_vec()].concat();
        for k in 0..40 {
            laughs.extend([b'(', b'h', k, b'h', k, b't', b'q', k + 1]);
        }
        laughs.push(b'.');
        let pickle = run(&laughs).unwrap();
        assert_eq!(pickle.items(&pickle.value).unwrap().len(), 2);
    }

    #[test]
    fn a_list_in_itself_and_a_million_nested_tuples_come_to_an_end() {
        let pickle = run(b"]q\x00h\x00a.").unwrap();
        assert!(matches!(pickle.items(&pickle.value), Some([Value::Sequence(_)])));
        let deep = [b")".to_vec(), vec![0x85; 1_000_000], b".".to_vec()].concat();
        assert!(run(&deep).is_ok());
    }

    #[test]
    fn a_call_that_is_its_own_argument_comes_to_an_end() {
        // The arguments of a rebuild are a list that holds the rebuild itself, and the list.
        let pickle = b"ctorch._tensor\n_rebuild_from_type_v2\nq\x00]q\x01(h\x00Nh\x01eR.";
        assert!(matches!(run(pickle).unwrap().value, Value::Opaque));
    }

    #[test]
    fn what_is_too_much_is_refused() {
        refused(&vec![b')'; MOST_STEPS + 1], "more than 4000000 steps");
        refused(b"X\xff\xff\xff\xff", "cut short");
        refused(b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f", "cut short");
        let many =
            b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n\
            X\x01\x00\x00\x000tQK\x00(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t)tR.";
        refused(many, "9 dimensions");
    }

    #[test]
    fn what_is_no_pickle_is_refused() {
        refused(b"", "cut short");
        refused(b"a.", "empty stack");
        refused(b"t.", "no mark");
        refused(b"h\x05.", "before it is made");
        refused(b"\x00.", "unknown opcode, 0x00");
        refused(b"NQ.", "no storage");
    }
}
