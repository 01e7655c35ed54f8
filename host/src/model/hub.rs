//! Checkpoints of the Hugging Face hub: from its cache, or fetched into it.

use std::path::PathBuf;

use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, CacheRepo};

use super::checkpoint::Places;
use super::{ModelError, tokenizer, weight_files};

const PUBLIC: &str = "https://huggingface.co";

/// `name` or `owner/name`, of the characters that the hub allows.
pub(super) fn is_id(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let parts: Vec<&str> = name.split('/').collect();
    parts.len() <= 2 && parts.into_iter().all(is_part)
}

/// The folder with the checkpoint's files.
pub(super) fn fetch(name: &str, places: &Places) -> Result<PathBuf, ModelError> {
    let repo = Repo::new(name, places)?;
    let config = repo.any_of(&["config.json"])?;
    repo.any_of(weight_files::NAMES)?;
    let tokenizer = repo.any_of(tokenizer::FILES)?;
    if tokenizer.ends_with("vocab.txt") {
        repo.get("tokenizer_config.json")?; // Says how to split; may be absent.
    }
    // All files of one revision share a folder.
    Ok(config.parent().expect("a file of the cache is in a folder").to_path_buf())
}

struct Repo<'a> {
    name: &'a str,
    endpoint: &'a str,
    cached: CacheRepo,
    /// None: offline.
    online: Option<ApiRepo>,
}

impl<'a> Repo<'a> {
    fn new(name: &'a str, places: &'a Places) -> Result<Self, ModelError> {
        let endpoint = places.hub_endpoint.as_deref().unwrap_or(PUBLIC).trim_end_matches('/');
        let cache = Cache::new(places.hub_cache.clone());
        let cached = cache.model(name.to_owned());
        let mut repo = Self { name, endpoint, cached, online: None };
        if !places.hub_offline {
            let builder = ApiBuilder::from_cache(cache.clone())
                .with_endpoint(endpoint.to_owned())
                .with_token(places.hub_token.clone().or_else(|| cache.token()))
                .with_retries(3)
                .with_progress(false);
            let api = builder.build().map_err(|error| repo.error("config.json", &error))?;
            repo.online = Some(api.model(name.to_owned()));
        }
        Ok(repo)
    }

    /// The first of `files` that the repository has.
    fn any_of(&self, files: &[&str]) -> Result<PathBuf, ModelError> {
        for file in files {
            if let Some(path) = self.get(file)? {
                return Ok(path);
            }
        }
        let (reason, hint) = if self.online.is_some() {
            ("the repository has no such file", "the encoder must be a BERT checkpoint")
        } else {
            ("the cache does not have it, and HF_HUB_OFFLINE is set", "unset HF_HUB_OFFLINE")
        };
        Err(ModelError::Hub {
            name: self.name.to_owned(),
            file: files.join("` or `"),
            endpoint: self.endpoint.to_owned(),
            reason: reason.to_owned(),
            hint: hint.to_owned(),
        })
    }

    /// None if the repository, or offline the cache, does not have the file.
    fn get(&self, file: &str) -> Result<Option<PathBuf>, ModelError> {
        if let Some(path) = self.cached.get(file) {
            return Ok(Some(path));
        }
        let Some(online) = &self.online else { return Ok(None) };
        tracing::info!("fetching {file} of {} from {}", self.name, self.endpoint);
        match online.download(file) {
            Ok(path) => Ok(Some(path)),
            Err(ApiError::RequestError(error)) if error.to_string().contains("status code 404") => {
                Ok(None)
            }
            Err(error) => Err(self.error(file, &error)),
        }
    }

    fn error(&self, file: &str, error: &ApiError) -> ModelError {
        let reason = error.to_string();
        let hint = if reason.contains("status code 401") || reason.contains("status code 403") {
            "the name may be wrong, or the repository private: then set HF_TOKEN"
        } else {
            "without a network, give a folder as `model.checkpoint`, or use `minilm`"
        };
        ModelError::Hub {
            name: self.name.to_owned(),
            file: file.to_owned(),
            endpoint: self.endpoint.to_owned(),
            reason,
            hint: hint.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_id_is_a_name_or_an_owner_and_a_name() {
        for name in ["bert-base-uncased", "google-bert/bert-base-uncased", "a/b_c.d"] {
            assert!(is_id(name), "{name}");
        }
        for name in ["", "./folder", "/folder", "a/b/c", "../up", "a b", "a/"] {
            assert!(!is_id(name), "{name}");
        }
    }
}
