//! BERT's embeddings: word + position + token type, then a layer norm. All of it in f32; only the
//! rows in use are touched, so there is nothing to gain from bf16.

use tch::{Device, Kind, Tensor, nn};

use crate::cpu::slices::values;
use crate::cpu::{self, Tables, Variables};
use crate::encoder::bert::{Affine, LayerVariables};
use crate::files::bert_config::BertConfig;

pub(crate) struct Embeddings {
    words: Tensor,       // [vocabulary, hidden]
    positions: Tensor,   // [positions, hidden]
    token_types: Tensor, // [2, hidden]
    norm: Affine,        // [hidden]
    compact: Option<CompactWords>,
}

/// The rows of the word table that the training texts use, as a variable of their own.
struct CompactWords {
    rows: Tensor,  // [n] i64, word ids in ascending order
    local: Tensor, // [vocabulary] i64, row of `table`; 0 for a word that is not in it
    table: Tensor, // [n, hidden]
}

impl Embeddings {
    pub(crate) fn new(vs: &nn::Path<'_>, config: &BertConfig) -> Self {
        let table = |name: &str, rows: i64| {
            (vs / name).var("weight", &[rows, config.hidden_size], nn::Init::Const(0.0))
        };
        Self {
            words: table("word_embeddings", config.vocab_size),
            positions: table("position_embeddings", config.max_position_embeddings),
            token_types: table("token_type_embeddings", config.type_vocab_size),
            norm: Affine::norm(&(vs / "LayerNorm"), config.hidden_size),
            compact: None,
        }
    }

    /// Replaces the word table in training by the rows of `used` words, and returns the new
    /// variable. See `Encoder::embed_rows`.
    pub(crate) fn embed_rows(&mut self, used: &[u32]) -> Tensor {
        self.embed_all();
        let mut used: Vec<i64> = used.iter().map(|&word| i64::from(word)).collect();
        used.push(0); // Padding is looked up too, although nothing reads what becomes of it.
        used.sort_unstable();
        used.dedup();
        let mut local = vec![0_i64; self.words.size()[0] as usize];
        for (row, &word) in used.iter().enumerate() {
            local[word as usize] = row as i64;
        }
        let device = self.words.device();
        let rows = Tensor::from_slice(&used).to_device(device);
        let local = Tensor::from_slice(&local).to_device(device);
        let table = self.words.detach().index_select(0, &rows).set_requires_grad(true);
        let variable = table.shallow_clone();
        self.compact = Some(CompactWords { rows, local, table });
        variable
    }

    /// Ends `embed_rows`: the rows go back into the whole table.
    pub(crate) fn embed_all(&mut self) {
        self.sync();
        self.compact = None;
    }

    /// The whole word table as it now is, [vocabulary, hidden].
    pub(crate) fn words(&self) -> &Tensor {
        self.sync();
        &self.words
    }

    /// Copies the trained rows into the whole table.
    fn sync(&self) {
        if let Some(compact) = &self.compact {
            tch::no_grad(|| {
                // In place: a second handle to the same memory.
                let mut words = self.words.detach();
                drop(words.index_copy_(0, &compact.rows, &compact.table.detach()));
            });
        }
    }

    pub(crate) fn device(&self) -> Device {
        self.words.device()
    }

    /// Handles to the variables of an encoder with these layers, during `embed_rows`.
    ///
    /// # Panics
    /// Panics at any other time.
    pub(crate) fn variables(&self, config: BertConfig, layers: Vec<LayerVariables>) -> Variables {
        let compact = self.compact.as_ref().expect("a training has its words");
        let rows = Vec::<i64>::try_from(&compact.local).expect("one row a word, on the CPU");
        Variables {
            config,
            layers,
            words: compact.table.shallow_clone(),
            word_rows: rows.into_iter().map(|row| row as u32).collect(),
            positions: self.positions.shallow_clone(),
            token_types: self.token_types.shallow_clone(),
            norm: self.norm.handles(),
        }
    }

    /// The whole tables, on the CPU.
    pub(crate) fn tables(&self, layer_norm_eps: f64) -> Tables<'_> {
        Tables {
            words: values(self.words()),
            positions: values(&self.positions),
            token_types: values(&self.token_types),
            norm: cpu::Affine::of(&self.norm),
            eps: layer_norm_eps as f32,
        }
    }

    /// Returns the whole tables as they are after training, for inference.
    pub(crate) fn snapshot(&self) -> Self {
        Self {
            words: self.words().shallow_clone(),
            positions: self.positions.shallow_clone(),
            token_types: self.token_types.shallow_clone(),
            norm: self.norm.cast(Kind::Float),
            compact: None,
        }
    }

    /// Embeds `ids`, i64 [batch, len], as f32 [batch, len, hidden].
    pub(crate) fn forward(&self, ids: &Tensor, layer_norm_eps: f64) -> Tensor {
        let len = ids.size()[1];
        assert!(len <= self.positions.size()[0], "a text is longer than the encoder's positions");
        let words = match &self.compact {
            Some(compact) => {
                let local = compact.local.take(ids); // [batch, len]
                lookup(&compact.table, &local)
            }
            None => lookup(&self.words, ids),
        };
        // [len, hidden]; we have one segment, so the token type is always 0.
        let position = self.positions.narrow(0, 0, len) + self.token_types.get(0);
        self.norm.layer_norm(&(words + position), layer_norm_eps)
    }
}

fn lookup(table: &Tensor, ids: &Tensor) -> Tensor {
    Tensor::embedding(table, ids, -1, false, false)
}
