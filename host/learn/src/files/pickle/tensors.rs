//! The calls by which a pickle makes tensors, known by name. Nothing that a pickle names is ever run;
//! whatever else it calls becomes an opaque value.

use std::rc::Rc;

use tch::Kind;

use super::values::{Heap, Storage, Value, View};
use super::{Fault, Result};

/// Weights have two dimensions at most, and what other models have, five.
const MOST_DIMENSIONS: usize = 8;

/// A persistent id: ("storage", class, key, device, number of elements, ..).
pub(super) fn storage(heap: &Heap, id: &Value) -> Result<Value> {
    let bad = || Fault::damaged("the pickle refers to something that is no storage");
    let parts = heap.items(id).ok_or_else(bad)?;
    let [Value::Text(what), Value::Global(class), Value::Text(key), ..] = parts else {
        return Err(bad());
    };
    if &**what != "storage" {
        return Err(bad());
    }
    let kind = match &**class {
        "torch FloatStorage" => Kind::Float,
        "torch HalfStorage" => Kind::Half,
        "torch BFloat16Storage" => Kind::BFloat16,
        "torch DoubleStorage" => Kind::Double,
        "torch LongStorage" => Kind::Int64,
        "torch IntStorage" => Kind::Int,
        "torch ShortStorage" => Kind::Int16,
        "torch CharStorage" => Kind::Int8,
        "torch ByteStorage" => Kind::Uint8,
        "torch BoolStorage" => Kind::Bool,
        // Of numbers that no weight of BERT has: then a tensor that is missed is named.
        _ => return Ok(Value::Opaque),
    };
    Ok(Value::Storage(Rc::new(Storage { key: Rc::clone(key), kind })))
}

/// Returns what calling `function` makes.
pub(super) fn call(heap: &mut Heap, function: &Value, arguments: &Value) -> Result<Value> {
    let Value::Global(function) = function else { return Ok(Value::Opaque) };
    if &**function == "collections OrderedDict" {
        return Ok(heap.dict());
    }
    let Some(arguments) = heap.items(arguments) else { return Ok(Value::Opaque) };
    match &**function {
        // A tensor, then whether it has gradients, and more.
        "torch._utils _rebuild_parameter" | "torch._utils _rebuild_parameter_with_state" => {
            let tensor = arguments.first().cloned();
            tensor.ok_or_else(|| Fault::damaged("a parameter has no tensor"))
        }
        // How it would be made, the class, the arguments for that, and attributes.
        "torch._tensor _rebuild_from_type_v2" => match arguments {
            [Value::Global(how), _, inner, ..] if &**how == "torch._utils _rebuild_tensor_v2" => {
                heap.items(inner).map_or(Ok(Value::Opaque), |inner| view(heap, inner))
            }
            _ => Ok(Value::Opaque),
        },
        "torch._utils _rebuild_tensor_v2" => view(heap, arguments),
        _ => Ok(Value::Opaque),
    }
}

fn view(heap: &Heap, arguments: &[Value]) -> Result<Value> {
    let [storage, Value::Int(offset), size, stride, ..] = arguments else {
        return Err(Fault::damaged("a tensor is made in an unknown way"));
    };
    let Value::Storage(storage) = storage else { return Ok(Value::Opaque) };
    let (size, stride) = (integers(heap, size)?, integers(heap, stride)?);
    let view = View { storage: Rc::clone(storage), offset: *offset, size, stride };
    Ok(Value::Tensor(Rc::new(view)))
}

fn integers(heap: &Heap, value: &Value) -> Result<Vec<i64>> {
    let items = heap.items(value).ok_or_else(|| Fault::damaged("a shape is no tuple"))?;
    if items.len() > MOST_DIMENSIONS {
        let n = items.len();
        return Err(Fault::damaged(format!(
            "a tensor has {n} dimensions, above {MOST_DIMENSIONS}"
        )));
    }
    let integer = |item: &Value| match item {
        Value::Int(item) => Ok(*item),
        _ => Err(Fault::damaged("a shape has something else than integers")),
    };
    items.iter().map(integer).collect()
}
