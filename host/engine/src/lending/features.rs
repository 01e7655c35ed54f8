//! The features of one round: each computed when it is first asked for, and lent.

use std::sync::Arc;
use std::time::Instant;

use abi_stable::std_types::RSlice;
use alhost_base::matrix::Matrix;
use alhost_model::{Outputs, Surprisal, Wants, probabilities};
use alhost_plugin_api::features::{
    EMBEDDING, EmbeddingOptions, FEATURES, LOGITS, MC_PROBABILITIES, MLM_SURPRISAL, McOptions,
    Model, PROBABILITIES, Pooling, SurprisalOptions, TEXT, WORD_PIECES,
};
use alhost_plugin_api::ffi::{Block, OwnedBlock};
use anyhow::{Context as _, bail, ensure};

use super::panels::Lent;
use super::services::{Services, Surroundings};

/// Panel keys of the current encoder's embeddings.
const CURRENT_CLS: &str = "embedding/1 current cls";
const CURRENT_MEAN: &str = "embedding/1 current mean";
const GIB: f64 = (1u64 << 30) as f64;

impl Services<'_> {
    pub(super) fn feature(
        &self,
        feature: &str,
        options: &str,
        ids: &[u32],
    ) -> anyhow::Result<Block<'_>> {
        self.check_declared(feature)?;
        self.check_ids(ids)?;
        match feature {
            TEXT => Ok(self.text(ids)),
            WORD_PIECES => Ok(self.word_pieces(ids)),
            LOGITS => self.dense(LOGITS, ids),
            PROBABILITIES => self.dense(PROBABILITIES, ids),
            FEATURES => self.dense(FEATURES, ids),
            EMBEDDING => self.embedding(options, ids),
            MLM_SURPRISAL => self.surprisal(options, ids),
            MC_PROBABILITIES => self.mc_probabilities(options, ids),
            _ => bail!("there is no feature `{feature}`"),
        }
    }

    fn index(&self, ids: &[u32]) -> RSlice<'_, u32> {
        RSlice::from_slice(self.indices.push_get(ids.to_vec()))
    }

    fn text(&self, ids: &[u32]) -> Block<'_> {
        let (bytes, offsets) = self.around.texts.parts();
        Block {
            rows: ids.len(),
            bytes: bytes.as_bytes().into(),
            u64s: offsets.into(),
            row_index: Some(self.index(ids)).into(),
            ..Block::EMPTY
        }
    }

    fn word_pieces(&self, ids: &[u32]) -> Block<'_> {
        let counts = ids.iter().flat_map(|&id| {
            let counts = self.around.tokens.word_pieces(id as usize);
            [counts.words, counts.pieces, counts.unknown]
        });
        let u32s = counts.collect();
        let owned = OwnedBlock { rows: ids.len(), cols: 3, u32s, ..OwnedBlock::default() };
        self.kept.push_get(Box::new(owned)).lend()
    }

    /// A feature of the current model: from what is there, else by one pass over what is missing.
    fn dense(&self, key: &'static str, ids: &[u32]) -> anyhow::Result<Block<'_>> {
        self.check_trained(key)?;
        if let Some(lent) = self.lend(key, ids) {
            return Ok(block(lent, ids.len()));
        }
        let missing = self.panels.missing(key, ids);
        self.check_size(key, ids.len())?;
        let timed = Instant::now();
        let outputs = self.pass(&missing, self.wanted(key))?;
        let pass = self.paid_pass(timed.elapsed().as_secs_f64());
        for (key, matrix) in self.split(outputs) {
            self.panels.add(key, &missing, matrix, pass);
        }
        if let Some(lent) = self.lend(key, ids) {
            return Ok(block(lent, ids.len()));
        }
        let timed = Instant::now();
        let gathered = self.panels.gather(key, ids, self.around.matrices);
        let pass = self.paid_pass(timed.elapsed().as_secs_f64());
        self.panels.add(key, ids, gathered, pass);
        let lent = self.lend(key, ids).context("the host lost a matrix")?;
        Ok(block(lent, ids.len()))
    }

    /// Adds to a pass for `key` what the strategy declares and what costs nothing more.
    fn wanted(&self, key: &str) -> Wants {
        let declares = |id: &str| self.around.needs.iter().any(|need| need == id);
        let labels = declares(LOGITS) || declares(PROBABILITIES);
        Wants {
            logits: key == LOGITS || key == PROBABILITIES || (key == FEATURES && labels),
            features: key == FEATURES || declares(FEATURES),
            cls: key == CURRENT_CLS,
            mean: key == CURRENT_MEAN,
            ..Wants::default()
        }
    }

    fn split(&self, outputs: Outputs) -> Vec<(&'static str, Matrix)> {
        let declares = |id: &str| self.around.needs.iter().any(|need| need == id);
        let mut all = Vec::new();
        match (outputs.logits, declares(LOGITS), declares(PROBABILITIES)) {
            (Some(logits), true, true) => {
                all.push((PROBABILITIES, probabilities(logits.clone())));
                all.push((LOGITS, logits));
            }
            (Some(logits), true, false) => all.push((LOGITS, logits)),
            (Some(logits), false, true) => all.push((PROBABILITIES, probabilities(logits))),
            _ => {}
        }
        all.extend(outputs.features.map(|matrix| (FEATURES, matrix)));
        all.extend(outputs.cls.map(|matrix| (CURRENT_CLS, matrix)));
        all.extend(outputs.mean.map(|matrix| (CURRENT_MEAN, matrix)));
        all
    }

    pub(super) fn check_trained(&self, feature: &str) -> anyhow::Result<()> {
        ensure!(
            self.around.trained,
            "`{feature}` needs a trained classifier, and there is none before the initial set is \
             labeled\nhint: choose the initial set with a strategy that needs none, such as \
             `random` or `alps` (`loop.initial_strategy`)"
        );
        Ok(())
    }

    fn check_size(&self, key: &str, rows: usize) -> anyhow::Result<()> {
        let cols = match key {
            LOGITS | PROBABILITIES => self.view.n_labels as usize,
            FEATURES => self.with_model(|model| model.n_features()),
            _ => self.with_model(|model| model.hidden()),
        };
        let bytes = rows as u64 * cols as u64 * 4;
        let limit = self.around.matrix_limit;
        ensure!(
            bytes <= limit,
            "`{key}` of {rows} texts takes {:.1} GiB, more than the {:.1} GiB that one matrix may \
             take\nhint: raise `limits.matrix_gib`, or use a strategy that streams",
            bytes as f64 / GIB,
            limit as f64 / GIB
        );
        Ok(())
    }

    fn embedding(&self, options: &str, ids: &[u32]) -> anyhow::Result<Block<'_>> {
        let options: EmbeddingOptions =
            serde_json::from_str(options).context("options of embedding")?;
        match (options.model, options.pooling) {
            (Model::Current, Pooling::Cls) => self.dense(CURRENT_CLS, ids),
            (Model::Current, Pooling::Mean) => self.dense(CURRENT_MEAN, ids),
            (Model::Pretrained, pooling) => {
                self.check_size(EMBEDDING, self.around.texts.len())?;
                let (tokens, work) = (self.around.tokens, self.around.work);
                let matrix = self.with_model(|model| model.pretrained(tokens, pooling, work))?;
                let matrix = self.embeddings.push_get(matrix);
                let row_index = Some(self.indices.push_get(ids.to_vec()));
                Ok(block(Lent { matrix, row_index, pass: None }, ids.len()))
            }
        }
    }

    fn surprisal(&self, options: &str, ids: &[u32]) -> anyhow::Result<Block<'_>> {
        let options: SurprisalOptions =
            serde_json::from_str(options).context("options of surprisal")?;
        let probability = options.probability;
        ensure!(
            probability > 0.0 && probability <= 1.0,
            "the probability of a position is {probability}, not in (0, 1]"
        );
        let Surroundings { tokens, surprisal_seed: seed, work, .. } = self.around;
        match options.model {
            Model::Pretrained => {
                let rows =
                    self.with_model(|m| m.pretrained_surprisal(tokens, &options, seed, work))?;
                let rows = self.surprisals.push_get(rows);
                let row_index = Some(self.index(ids)).into();
                Ok(Block { rows: ids.len(), row_index, ..self.sparse_block(rows) })
            }
            Model::Current => {
                self.check_trained("mlm-surprisal/1 of the current model")?;
                let of = (tokens, ids);
                let rows = self.with_model(|m| m.current_surprisal(of, &options, seed, work))?;
                Ok(self.sparse_block(self.surprisals.push_get(Arc::new(rows))))
            }
        }
    }

    /// Positions and losses; a row is as wide as the longest text of the split is long.
    fn sparse_block<'a>(&self, rows: &'a Surprisal) -> Block<'a> {
        let tokens = self.around.tokens;
        Block {
            rows: rows.len(),
            cols: (0..tokens.len()).map(|row| tokens.row(row).len()).max().unwrap_or(0),
            u64s: rows.offsets.as_slice().into(),
            u32s: rows.positions.as_slice().into(),
            f32s: rows.losses.as_slice().into(),
            ..Block::EMPTY
        }
    }

    fn mc_probabilities(&self, options: &str, ids: &[u32]) -> anyhow::Result<Block<'_>> {
        self.check_trained(MC_PROBABILITIES)?;
        let McOptions { passes } =
            serde_json::from_str(options).context("options of mc-probabilities")?;
        ensure!(passes > 0, "0 passes");
        self.check_size(LOGITS, ids.len() * passes as usize)?;
        let mc_seed = i64::from_le_bytes(self.view.seed[..8].try_into().context("32 bytes")?);
        let outputs = self.pass(ids, Wants { mc_passes: passes, mc_seed, ..Wants::default() })?;
        let matrix = outputs.mc.context("the pass gave no probabilities")?;
        let matrix = self.embeddings.push_get(Arc::new(matrix));
        Ok(block(Lent { matrix, row_index: None, pass: None }, ids.len()))
    }
}

pub(super) fn block(lent: Lent<'_>, rows: usize) -> Block<'_> {
    Block {
        rows,
        cols: lent.matrix.cols,
        f32s: RSlice::from_slice(&lent.matrix.data),
        row_index: lent.row_index.map(RSlice::from_slice).into(),
        ..Block::EMPTY
    }
}
