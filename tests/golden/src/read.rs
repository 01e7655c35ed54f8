//! Reads the files of golden arrays.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ndarray::{ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, ReadableElement};
use serde_json::Value;

use crate::Array;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/strategies").join(name)
}

pub(crate) fn npz(name: &str) -> BTreeMap<String, Array> {
    let file = fs_err::File::open(fixture(name)).expect("the fixture is there");
    let mut npz = NpzReader::new(file).expect("an archive");
    let names = npz.names().expect("names");
    let all = names.into_iter().map(|name| {
        let array = number(&mut npz, &name);
        (name.trim_end_matches(".npy").to_owned(), array)
    });
    all.collect()
}

type Npz = NpzReader<fs_err::File>;

/// An array of whichever type it is stored in.
fn number(npz: &mut Npz, name: &str) -> Array {
    stored::<f64>(npz, name, |x| x)
        .or_else(|| stored::<f32>(npz, name, f64::from))
        .or_else(|| stored::<i32>(npz, name, f64::from))
        .or_else(|| stored::<i64>(npz, name, |x| x as f64))
        .or_else(|| stored::<u8>(npz, name, f64::from))
        .or_else(|| stored::<u16>(npz, name, f64::from))
        .unwrap_or_else(|| panic!("`{name}` is of a type that no golden array has"))
}

fn stored<T: ReadableElement + Copy>(
    npz: &mut Npz,
    name: &str,
    number: impl Fn(T) -> f64,
) -> Option<Array> {
    let array: ArrayD<T> = npz.by_name::<OwnedRepr<T>, IxDyn>(name).ok()?;
    Some(Array {
        shape: array.shape().to_vec(),
        values: array.iter().map(|&x| number(x)).collect(),
    })
}

pub(crate) fn json(name: &str) -> BTreeMap<String, BTreeMap<String, Array>> {
    let text = fs_err::read_to_string(fixture(name)).expect("the fixture is there");
    let cases: BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>> =
        serde_json::from_str(&text).expect("cases of arrays");
    let arrays = |parts: BTreeMap<String, BTreeMap<String, Value>>| {
        let parts = parts.into_values().flatten();
        parts.map(|(name, value)| (name, nested(&value))).collect()
    };
    cases.into_iter().map(|(name, parts)| (name, arrays(parts))).collect()
}

/// Nested lists as one array.
fn nested(value: &Value) -> Array {
    match value {
        Value::Array(list) => {
            let parts: Vec<Array> = list.iter().map(nested).collect();
            let mut shape = vec![parts.len()];
            shape.extend(parts.first().map(|part| part.shape.clone()).unwrap_or_default());
            let values = parts.into_iter().flat_map(|part| part.values).collect();
            Array { shape, values }
        }
        Value::Bool(flag) => Array { shape: Vec::new(), values: vec![f64::from(u8::from(*flag))] },
        other => Array { shape: Vec::new(), values: vec![other.as_f64().expect("a number")] },
    }
}
