//! The values that a pickle makes: small ones that can be copied at no cost, and the lists and
//! dictionaries that they refer to by number. So what a pickle uses a thousand times is kept once,
//! nothing nested is ever walked, and whatever the nesting, all of it is freed without recursion.

use std::rc::Rc;

use tch::Kind;

#[derive(Clone, Debug)]
pub(in crate::files) enum Value {
    Int(i64),
    /// An integer of more than 8 bytes, lowest first.
    Long(Rc<[u8]>),
    Text(Rc<str>),
    /// A tuple or a list: its number in the heap.
    Sequence(usize),
    /// A dictionary: its number in the heap.
    Dict(usize),
    /// Module and name of a class or function.
    Global(Rc<str>),
    Storage(Rc<Storage>),
    Tensor(Rc<View>),
    /// None, booleans, floats, and objects that tensors are not made of.
    Opaque,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::files) struct Storage {
    pub(in crate::files) key: Rc<str>,
    pub(in crate::files) kind: Kind,
}

/// A tensor: a strided view of a storage.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::files) struct View {
    pub(in crate::files) storage: Rc<Storage>,
    pub(in crate::files) offset: i64,
    pub(in crate::files) size: Vec<i64>,
    pub(in crate::files) stride: Vec<i64>,
}

impl View {
    /// One past the last element that the view touches. None where there is no such number.
    pub(in crate::files) fn end(&self) -> Option<i64> {
        let (size, stride) = (&self.size, &self.stride);
        if self.offset < 0
            || size.len() != stride.len()
            || size.iter().chain(stride).any(|&n| n < 0)
        {
            return None;
        }
        if size.contains(&0) {
            return Some(0);
        }
        let spans = size.iter().zip(stride).map(|(size, stride)| (size - 1).checked_mul(*stride));
        let last = spans.into_iter().try_fold(self.offset, |last, span| last.checked_add(span?));
        last?.checked_add(1)
    }

    /// Elements, those that it has more than once counted as often.
    pub(in crate::files) fn numel(&self) -> Option<i64> {
        self.size.iter().try_fold(1_i64, |numel, &size| numel.checked_mul(size))
    }
}

/// Everything that values refer to by number.
#[derive(Default)]
pub(super) struct Heap {
    sequences: Vec<Vec<Value>>,
    dicts: Vec<Vec<(Value, Value)>>,
}

impl Heap {
    pub(super) fn sequence(&mut self, items: Vec<Value>) -> Value {
        self.sequences.push(items);
        Value::Sequence(self.sequences.len() - 1)
    }

    pub(super) fn dict(&mut self) -> Value {
        self.dicts.push(Vec::new());
        Value::Dict(self.dicts.len() - 1)
    }

    /// Returns the items of a tuple or list; `None` where the value is neither.
    pub(super) fn items(&self, value: &Value) -> Option<&[Value]> {
        let Value::Sequence(number) = value else { return None };
        self.sequences.get(*number).map(Vec::as_slice)
    }

    /// Returns the entries of a dictionary; `None` where the value is none.
    pub(super) fn entries(&self, value: &Value) -> Option<&[(Value, Value)]> {
        let Value::Dict(number) = value else { return None };
        self.dicts.get(*number).map(Vec::as_slice)
    }

    /// Puts items into a list, or keys and values by turns into a dictionary. What goes into another
    /// object is of no use to us.
    pub(super) fn fill(&mut self, container: &Value, items: Vec<Value>) {
        match container {
            Value::Sequence(number) => self.sequences[*number].extend(items),
            Value::Dict(number) => {
                let mut items = items.into_iter();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    self.dicts[*number].push((key, value));
                }
            }
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(offset: i64, size: &[i64], stride: &[i64], expected: Option<i64>) {
        let storage = Rc::new(Storage { key: "0".into(), kind: Kind::Float });
        let view = View { storage, offset, size: size.to_vec(), stride: stride.to_vec() };
        assert_eq!(view.end(), expected, "{view:?}");
    }

    #[test]
    fn the_end_of_a_view_is_a_number_or_none() {
        check(0, &[2, 3], &[3, 1], Some(6));
        check(5, &[2, 3], &[1, 2], Some(11));
        check(7, &[], &[], Some(8));
        check(7, &[0, 9], &[i64::MAX, 1], Some(0));
        check(i64::MAX, &[1], &[1], None);
        check(i64::MAX, &[], &[], None);
        check(1, &[2], &[i64::MAX], None);
        check(0, &[i64::MAX, 3], &[2, 1], None);
        check(-1, &[1], &[1], None);
        check(0, &[-1], &[1], None);
        check(0, &[2], &[-1], None);
        check(0, &[2, 2], &[1], None);
    }
}
