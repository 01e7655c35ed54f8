//! A trained model as a folder that other programs can read: a Hugging Face checkpoint with the
//! trained encoder, and the head in a file beside it. All of it is what was used, not what the
//! checkpoint's files said.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use alhost_config::HeadKind;
use serde_json::{Value, json};
use tch::Tensor;

use super::{safetensors_file, tensors};
use crate::ModelError;
use crate::files::checkpoint::Checkpoint;
use crate::files::pooling;
use crate::learner::Learner;
use crate::tokenizer::export as tokenizer_export;

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
        if self.config.head == HeadKind::Logistic {
            let file = folder.join(pooling::FILE);
            fs_err::create_dir_all(file.parent().unwrap_or(folder))?;
            let said = pooling::said(self.pooling(), self.hidden());
            fs_err::write(file, format!("{said:#}\n"))?;
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
            let saved = read.get(name);
            crate::files::saved::check(name, saved, &variable.size()).map_err(bad)?;
            if saved.is_some_and(|saved| saved.isfinite().all().int64_value(&[]) == 0) {
                return Err(bad(format!("{name} has a value that is not a number")));
            }
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

/// `config.json` of the encoder alone, in the numbers that are written.
fn config(text: &str, used: &crate::files::bert_config::BertConfig) -> Result<Value, ModelError> {
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

/// Returns the variables sorted by name.
fn plain(variables: HashMap<String, Tensor>) -> Vec<(String, Tensor)> {
    let mut tensors: Vec<(String, Tensor)> = variables.into_iter().collect();
    tensors.sort_by(|(left, _), (right, _)| left.cmp(right));
    tensors
}
