//! A trained model as a folder that other programs can read: a Hugging Face checkpoint with the
//! trained encoder, and the head in a file beside it. All of it is what was used, not what the
//! checkpoint's files said.

<<<<<<< HEAD
use std::collections::BTreeMap;
use std::path::Path;

use tch::Tensor;
=======
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensorError, View};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
>>>>>>> h2

use super::checkpoint::Checkpoint;
use super::learner::Learner;
<<<<<<< HEAD
use super::{ModelError, safetensors_file, tensors};
=======
use super::tokenizer_export;
>>>>>>> h2

/// The head's file in the folder; its tensors have the names of `heads.rs`.
pub const HEAD: &str = "head.safetensors";

const WEIGHTS: &str = "model.safetensors";
const POOLER: [&str; 2] = ["pooler.dense.weight", "pooler.dense.bias"];

impl Learner {
    /// Writes configuration, tokenizer, encoder and head into `folder`, which exists. `checkpoint`
    /// is what the learner was made from.
    ///
    /// The masked-LM head does not come along: it belongs to the encoder as it was.
    pub fn export(&self, checkpoint: &Checkpoint, folder: &Path) -> Result<(), ModelError> {
        let config = config(&checkpoint.config_text, &checkpoint.config)?;
        fs_err::write(folder.join("config.json"), format!("{config:#}\n"))?;
        let Checkpoint { tokenizer, specials, .. } = checkpoint;
        tokenizer_export::write(tokenizer, *specials, self.config.max_tokens, folder)?;
        let mut encoder = plain(self.encoder_vars.variables());
        for name in POOLER {
            let tensor = self.pretrained.tensors.get(name).map(Tensor::shallow_clone);
            encoder.extend(tensor.map(|tensor| (name.to_owned(), Plain::of(&tensor))));
        }
<<<<<<< HEAD
        let head = plain(self.head.vars().variables());
        for (name, tensors) in [(WEIGHTS, encoder), (HEAD, head)] {
            fs_err::write(folder.join(name), tensors::to_bytes(&tensors))?;
        }
        Ok(())
=======
        write(encoder, &folder.join(WEIGHTS))?;
        write(plain(self.head.vars().variables()), &folder.join(HEAD))
>>>>>>> h2
    }

    /// Takes the head that `export` wrote to `path`. The learner was made from the same folder.
    pub fn load_head(&mut self, path: &Path) -> Result<(), ModelError> {
        let bad = |reason| ModelError::BadFile { path: path.to_path_buf(), reason };
        let read: BTreeMap<String, Tensor> = safetensors_file::read(path)?.into_iter().collect();
        let variables = self.head.vars().variables();
        for (name, variable) in &variables {
<<<<<<< HEAD
            super::saved::check(name, read.get(name), &variable.size()).map_err(bad)?;
=======
            let saved = read.iter().find(|(other, _)| other == name).map(|(_, tensor)| tensor);
            super::saved::check(name, saved, &variable.size()).map_err(bad)?;
            if saved.is_some_and(|saved| saved.isfinite().all().int64_value(&[]) == 0) {
                return Err(bad(format!("{name} has a value that is not a number")));
            }
>>>>>>> h2
        }
        tch::no_grad(|| {
            for (name, tensor) in &read {
                if let Some(variable) = variables.get(name) {
                    variable.shallow_clone().copy_(tensor);
                }
            }
        });
        self.trained = true;
        Ok(())
    }
}

<<<<<<< HEAD
/// Sorted by name.
fn plain(variables: std::collections::HashMap<String, Tensor>) -> Vec<(String, Tensor)> {
    let mut tensors: Vec<(String, Tensor)> = variables.into_iter().collect();
    tensors.sort_by(|(left, _), (right, _)| left.cmp(right));
    tensors
=======
/// `config.json` of the encoder alone, in the numbers that are written.
fn config(text: &str, used: &super::bert_config::BertConfig) -> Result<Value, ModelError> {
    let own = serde_json::to_value(used).map_err(std::io::Error::from)?;
    let mut config: Value = serde_json::from_str(text).map_err(std::io::Error::from)?;
    for (key, value) in own.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    config["architectures"] = json!(["BertModel"]);
    for key in ["dtype", "torch_dtype"] {
        if config.get(key).is_some() {
            config[key] = json!("float32");
        }
    }
    Ok(config)
}

/// Safetensors that transformers 4 accepts, too: it wants to be told whose tensors they are.
fn write(tensors: Vec<(String, Plain)>, path: &Path) -> Result<(), ModelError> {
    let about = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let written = safetensors::serialize_to_file(tensors, &Some(about), path);
    written.map_err(|error| {
        let error = match error {
            SafeTensorError::IoError(error) => error.to_string(),
            other => other.to_string(),
        };
        ModelError::Io(std::io::Error::other(format!("{}: {error}", path.display())))
    })
}

/// As a file wants them: f32 on the CPU, without history.
fn plain(variables: HashMap<String, Tensor>) -> Vec<(String, Plain)> {
    variables.into_iter().map(|(name, tensor)| (name, Plain::of(&tensor))).collect()
}

struct Plain {
    tensor: Tensor,
    shape: Vec<usize>,
}

impl Plain {
    fn of(tensor: &Tensor) -> Self {
        let tensor = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
        let shape = tensor.size().into_iter().map(|columns| columns as usize).collect();
        Self { tensor, shape }
    }
}

impl View for Plain {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = vec![0; self.data_len()];
        self.tensor.copy_data_u8(&mut bytes, self.tensor.numel());
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.tensor.numel() * size_of::<f32>()
    }
>>>>>>> h2
}
