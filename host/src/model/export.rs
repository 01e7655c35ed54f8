//! A trained model as a folder that other programs can read: a Hugging Face checkpoint with the
//! trained encoder, and the head in a file beside it.

use std::collections::BTreeMap;
use std::path::Path;

use tch::Tensor;

use super::checkpoint::Checkpoint;
use super::learner::Learner;
use super::{ModelError, safetensors_file, tensors};

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
        for file in &checkpoint.files {
            let name = file.file_name().unwrap_or(file.as_os_str());
            // Not `copy`: a read-only original would give a read-only copy.
            fs_err::write(folder.join(name), fs_err::read(file)?)?;
        }
        let mut encoder = plain(self.encoder_vars.variables());
        for name in POOLER {
            let tensor = self.pretrained.tensors.get(name).map(Tensor::shallow_clone);
            encoder.extend(tensor.map(|tensor| (name.to_owned(), tensor)));
        }
        let head = plain(self.head.vars().variables());
        for (name, tensors) in [(WEIGHTS, encoder), (HEAD, head)] {
            fs_err::write(folder.join(name), tensors::to_bytes(&tensors))?;
        }
        Ok(())
    }

    /// Takes the head that `export` wrote to `path`. The learner was made from the same folder.
    pub fn load_head(&mut self, path: &Path) -> Result<(), ModelError> {
        let bad = |reason| ModelError::BadFile { path: path.to_path_buf(), reason };
        let read: BTreeMap<String, Tensor> = safetensors_file::read(path)?.into_iter().collect();
        let variables = self.head.vars().variables();
        for (name, variable) in &variables {
            super::saved::check(name, read.get(name), &variable.size()).map_err(bad)?;
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

/// Sorted by name.
fn plain(variables: std::collections::HashMap<String, Tensor>) -> Vec<(String, Tensor)> {
    let mut tensors: Vec<(String, Tensor)> = variables.into_iter().collect();
    tensors.sort_by(|(left, _), (right, _)| left.cmp(right));
    tensors
}
