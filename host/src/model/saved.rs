//! A trained model on disk, for `start = "warm"` and for going on after a stop: safetensors with
//! the head, and of a trained encoder its weights. Of the word embeddings only the rows that moved
//! are written; the others are the checkpoint's.

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::frozen::open_partial;
use super::learner::{Learner, WORDS};
use super::{ModelError, safetensors_file};
use crate::config::EncoderMode;

/// Tensors of the file beside the variables: what the checkpoint hashes to, as bytes; which words
/// have moved, i64 [n]; where they have moved to, f32 [n, hidden].
const CHECKPOINT: &str = "checkpoint";
const MOVED: &str = "words";
const MOVED_TO: &str = "word_embeddings";

impl Learner {
    /// Writes the trained weights. Under its name the file is always whole.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let mut tensors: Vec<(String, Tensor)> = self.saved_variables().into_iter().collect();
        tensors.push((CHECKPOINT.to_owned(), Tensor::from_slice(self.pretrained.hash.as_bytes())));
        if self.config.encoder == EncoderMode::FineTuned {
            let now = self.encoder.word_embeddings().detach().to_device(Device::Cpu);
            let moved = now.not_equal_tensor(&self.pretrained.tensors[WORDS]); // [words, hidden]
            let moved = moved.any_dim(1, false).nonzero().squeeze_dim(1);
            tensors.push((MOVED_TO.to_owned(), now.index_select(0, &moved)));
            tensors.push((MOVED.to_owned(), moved));
        }
        let tensors: Vec<(String, Tensor)> = tensors
            .into_iter()
            .map(|(name, tensor)| (name, tensor.detach().to_device(Device::Cpu).contiguous()))
            .collect();

        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs_err::create_dir_all(folder)?;
        let file = open_partial(folder)?;
        Tensor::write_safetensors(&tensors, file.path())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|failed| failed.error)?;
        Ok(())
    }

    /// Takes the weights that `save` wrote for the same checkpoint and configuration.
    pub fn load(&mut self, path: &Path) -> Result<(), ModelError> {
        let bad = |reason| ModelError::BadFile { path: path.to_path_buf(), reason };
        let saved: BTreeMap<String, Tensor> = safetensors_file::read(path)?.into_iter().collect();
        let hash = Tensor::from_slice(self.pretrained.hash.as_bytes());
        if !saved.get(CHECKPOINT).is_some_and(|saved| saved.equal(&hash)) {
            return Err(bad("was trained from another checkpoint".to_owned()));
        }
        // All is checked before anything is taken.
        let variables = self.saved_variables();
        for (name, variable) in &variables {
            check(name, saved.get(name), &variable.size()).map_err(bad)?;
        }
        let moved = match self.config.encoder {
            EncoderMode::Frozen => None,
            EncoderMode::FineTuned => Some(self.moved_words(&saved).map_err(bad)?),
        };

        self.pretrained.copy_into(&self.encoder_vars);
        tch::no_grad(|| {
            for (name, mut variable) in variables {
                variable.copy_(&saved[&name]);
            }
            if let Some((moved, moved_to)) = moved {
                let mut words = self.encoder.word_embeddings().detach();
                drop(words.index_copy_(0, &moved, &moved_to));
            }
        });
        self.trained = true;
        Ok(())
    }

    /// The variables that are written whole, by their names in the file.
    fn saved_variables(&self) -> BTreeMap<String, Tensor> {
        let head = self.head.vars().variables().into_iter();
        let mut saved: BTreeMap<String, Tensor> =
            head.map(|(name, variable)| (format!("head.{name}"), variable)).collect();
        if self.config.encoder == EncoderMode::FineTuned {
            for (name, variable) in self.encoder_vars.variables() {
                if name != WORDS {
                    saved.insert(format!("encoder.{name}"), variable);
                }
            }
        }
        saved
    }

    /// Which words have moved, and where to, on the learner's device.
    fn moved_words(&self, saved: &BTreeMap<String, Tensor>) -> Result<(Tensor, Tensor), String> {
        let moved = saved.get(MOVED).ok_or_else(|| format!("{MOVED} is missing"))?;
        let n = moved.size().first().copied().unwrap_or(0);
        check(MOVED, Some(moved), &[n])?;
        check(MOVED_TO, saved.get(MOVED_TO), &[n, self.hidden() as i64])?;
        let n_words = self.pretrained.tensors[WORDS].size()[0];
        let out_of_range = moved.lt(0).logical_or(&moved.ge(n_words)).any();
        if moved.kind() != Kind::Int64 || out_of_range.int64_value(&[]) != 0 {
            return Err(format!("{MOVED} must be numbers below {n_words}"));
        }
        Ok((moved.to_device(self.device), saved[MOVED_TO].to_device(self.device)))
    }
}

pub(super) fn check(name: &str, saved: Option<&Tensor>, expected: &[i64]) -> Result<(), String> {
    match saved {
        None => Err(format!("{name} is missing")),
        Some(saved) if saved.size() != expected => {
            Err(format!("{name} is {:?}, expected {expected:?}", saved.size()))
        }
        Some(_) => Ok(()),
    }
}
