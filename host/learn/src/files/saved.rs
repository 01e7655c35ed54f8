//! A trained model as tensors, for `start = "warm"`, for going on after a stop, and for the model of round 0
//! that many runs share: the head, and of a trained encoder its weights. Of the word embeddings only
//! the rows that moved are written; the others are the checkpoint's.

use std::collections::BTreeMap;
use std::path::Path;

use alhost_base::aside;
use alhost_base::store::sealed;
use alhost_config::EncoderMode;
use tch::{Device, Kind, Tensor};

use super::{safetensors_file, tensors};
use crate::ModelError;
use crate::learner::{Learner, WORDS};

/// The tensor with what a kept model says of itself, as bytes.
const NOTE: &str = "note";

/// Tensors of the file beside the variables: the checkpoint's name, as bytes; which words
/// have moved, i64 [n]; where they have moved to, f32 [n, hidden].
const CHECKPOINT: &str = "checkpoint";
const MOVED: &str = "words";
const MOVED_TO: &str = "word_embeddings";

impl Learner {
    /// Writes the trained weights. Under its name the file is always whole.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        Ok(aside::replace(path, &tensors::to_bytes(&self.tensors()))?)
    }

    /// The trained weights and `note` at `path` in the cache.
    pub(crate) fn keep(&self, path: &Path, note: &str) -> Result<(), ModelError> {
        let mut kept = self.tensors();
        kept.push((NOTE.to_owned(), Tensor::from_slice(note.as_bytes())));
        Ok(sealed::write(path, &tensors::to_bytes(&kept))?)
    }

    /// Takes the weights that `keep` wrote, and gives its note; `None` if there are none.
    pub(crate) fn take_kept(&mut self, path: &Path) -> Option<String> {
        let kept = tensors::from_bytes(&sealed::read(path)?)?;
        let note = Vec::<u8>::try_from(kept.get(NOTE)?).ok()?;
        self.take(&kept).ok()?;
        String::from_utf8(note).ok()
    }

    fn tensors(&self) -> Vec<(String, Tensor)> {
        let mut tensors: Vec<(String, Tensor)> = self.saved_variables().into_iter().collect();
        tensors.push((CHECKPOINT.to_owned(), Tensor::from_slice(self.pretrained.name.as_bytes())));
        if self.config.encoder == EncoderMode::FineTuned {
            let now = self.encoder.word_embeddings().detach().to_device(Device::Cpu);
            let moved = now.not_equal_tensor(&self.pretrained.tensors[WORDS]); // [words, hidden]
            let moved = moved.any_dim(1, false).nonzero().squeeze_dim(1);
            tensors.push((MOVED_TO.to_owned(), now.index_select(0, &moved)));
            tensors.push((MOVED.to_owned(), moved));
        }
        tensors
    }

    /// Takes the weights that `save` wrote for the same checkpoint and configuration.
    pub fn load(&mut self, path: &Path) -> Result<(), ModelError> {
        let bad = |reason| ModelError::BadFile { path: path.to_path_buf(), reason };
        let saved: BTreeMap<String, Tensor> = safetensors_file::read(path)?.into_iter().collect();
        self.take(&saved).map_err(bad)
    }

    /// Takes all of what `tensors` gave, or nothing.
    fn take(&mut self, saved: &BTreeMap<String, Tensor>) -> Result<(), String> {
        let name = Tensor::from_slice(self.pretrained.name.as_bytes());
        if !saved.get(CHECKPOINT).is_some_and(|saved| saved.equal(&name)) {
            return Err("was trained from another checkpoint".to_owned());
        }
        // All is checked before anything is taken.
        let variables = self.saved_variables();
        for (name, variable) in &variables {
            check(name, saved.get(name), &variable.size())?;
        }
        let moved = match self.config.encoder {
            EncoderMode::Frozen => None,
            EncoderMode::FineTuned => Some(self.moved_words(saved)?),
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

    /// Returns which words have moved, and where to, on the learner's device.
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

pub(crate) fn check(name: &str, saved: Option<&Tensor>, expected: &[i64]) -> Result<(), String> {
    match saved {
        None => Err(format!("{name} is missing")),
        Some(saved) if saved.size() != expected => {
            Err(format!("{name} is {:?}, expected {expected:?}", saved.size()))
        }
        Some(_) => Ok(()),
    }
}
