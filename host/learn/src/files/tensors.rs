//! Named tensors as bytes and back, in the safetensors format.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Device, Kind, Tensor};

/// The kinds of numbers in our files.
const KINDS: [(Dtype, Kind); 6] = [
    (Dtype::F32, Kind::Float),
    (Dtype::F64, Kind::Double),
    (Dtype::BF16, Kind::BFloat16),
    (Dtype::F16, Kind::Half),
    (Dtype::I64, Kind::Int64),
    (Dtype::U8, Kind::Uint8),
];

/// Returns the tensors as the bytes of a file, whose metadata says that PyTorch's layout is meant.
///
/// # Panics
/// Panics if a tensor is of a kind that we do not write.
pub(crate) fn to_bytes(tensors: &[(String, Tensor)]) -> Vec<u8> {
    let plain: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, tensor)| {
            let tensor = tensor.detach().to_device(Device::Cpu).contiguous();
            let known = KINDS.iter().find(|(_, kind)| *kind == tensor.kind());
            let (dtype, _) = known.expect("only the kinds above are written");
            let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
            tensor.copy_data_u8(&mut bytes, tensor.numel());
            let shape = tensor.size().into_iter().map(|size| size as usize).collect();
            (name.clone(), *dtype, shape, bytes)
        })
        .collect();
    let views = plain.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes);
        (name, view.expect("the bytes are those of the shape"))
    });
    let metadata = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    safetensors::serialize(views, &Some(metadata)).expect("names and shapes are plain")
}

/// Tensors on the CPU; `None` where the bytes are no safetensors, or hold a kind that we do not write.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<BTreeMap<String, Tensor>> {
    let file = SafeTensors::deserialize(bytes).ok()?;
    let tensor = |(name, view): (String, TensorView<'_>)| {
        let (_, kind) = KINDS.iter().find(|(dtype, _)| *dtype == view.dtype())?;
        let shape: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
        Some((name, Tensor::from_data_size(view.data(), &shape, *kind)))
    };
    file.tensors().into_iter().map(tensor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_come_back() {
        let kinds = [Kind::Float, Kind::Double, Kind::BFloat16, Kind::Int64, Kind::Uint8];
        let tensors: Vec<(String, Tensor)> = kinds
            .into_iter()
            .map(|kind| (format!("{kind:?}"), Tensor::arange(6, (kind, Device::Cpu)).view([2, 3])))
            .chain([("none".to_owned(), Tensor::zeros([0, 4], (Kind::Float, Device::Cpu)))])
            .collect();
        let bytes = to_bytes(&tensors);
        let back = from_bytes(&bytes).unwrap();
        assert_eq!(back.len(), tensors.len());
        for (name, tensor) in &tensors {
            assert!(back[name].equal(tensor) && back[name].kind() == tensor.kind(), "{name}");
        }
        let header = String::from_utf8_lossy(&bytes);
        assert!(header.contains("\"format\":\"pt\""));
    }

    #[test]
    fn what_is_no_file_of_tensors_is_none() {
        for bytes in [&b""[..], b"abc", &[0xff; 64], b"version https://git-lfs.github.com/spec/v1"]
        {
            assert!(from_bytes(bytes).is_none());
        }
    }
}
