//! A host without a model or torch, for the unit tests of strategies.
//!
//! ```
//! use alhost_plugin_api::prelude::*;
//! use alhost_plugin_api::testing::StandIn;
//! # #[derive(Params)]
//! # struct NoParams;
//! # struct First;
//! # impl Strategy for First {
//! #     type Params = NoParams;
//! #     fn new(_: NoParams, _: &Env<'_>) -> Result<Self> { Ok(Self) }
//! #     fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
//! #         Ok(Selection::ranked(ctx.pool().iter().copied().take(n).collect()))
//! #     }
//! # }
//! let host = StandIn::new(40, 6).labeled(&[(3, &[0, 2]), (7, &[])]).seed(5);
//! let selection = host.select::<First>("{}", 10).unwrap();
//! assert_eq!(selection.ids.len(), 10);
//! assert!(!selection.ids.contains(&DocId(3)), "labeled texts are not in the pool");
//! ```

mod arena;
mod asked;
mod compute;
mod contract;
mod corpus;
mod discriminator;
mod greedy;
mod host;
mod kmeans;
mod trouble;

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value};

use crate::{Context, Env, Error, Params, Result, Selection, Strategy};

pub use contract::check_contract;

use arena::Arena;
use trouble::Trouble;

/// A synthetic data set and model: logits, embeddings, texts and losses made from a seed, or set by
/// the test. Everything is for all `n_texts` texts, by id.
pub struct StandIn {
    n_texts: usize,
    n_labels: usize,
    round: u32,
    threshold: f32,
    seed: [u8; 32],
    pool: Vec<u32>,
    labeled: Vec<u32>,
    label_offsets: Vec<u64>,
    label_ids: Vec<u32>,
    acquired_in: Vec<u32>,
    logits: Vec<f32>,
    /// `[n_texts, width]`, for features and for every kind of embedding.
    vectors: (Vec<f32>, usize),
    /// Offsets, positions, losses.
    surprisal: (Vec<u64>, Vec<u32>, Vec<f32>),
    texts: Vec<String>,
    /// Words, pieces and unknown pieces of each text.
    word_pieces: Vec<[u32; 3]>,
    /// What strategies that may be asked would select; made up where there are none.
    asked: Vec<Selection>,
    needs: Option<Vec<String>>,
    cancelled: AtomicBool,
    /// Ids and options of what has been asked for.
    requests: Mutex<Vec<(String, String)>>,
    logged: Mutex<Vec<String>>,
    kept: Arena,
    trouble: Trouble,
}

impl StandIn {
    /// `n_texts` texts and `n_labels` labels; nothing is labeled, the threshold is 0.5.
    pub fn new(n_texts: usize, n_labels: usize) -> Self {
        let mut host = Self {
            n_texts,
            n_labels,
            round: 1,
            threshold: 0.5,
            seed: [0; 32],
            pool: (0..n_texts as u32).collect(),
            labeled: Vec::new(),
            label_offsets: vec![0],
            label_ids: Vec::new(),
            acquired_in: Vec::new(),
            logits: Vec::new(),
            vectors: (Vec::new(), 0),
            surprisal: (vec![0], Vec::new(), Vec::new()),
            texts: Vec::new(),
            word_pieces: Vec::new(),
            asked: Vec::new(),
            needs: None,
            cancelled: AtomicBool::new(false),
            requests: Mutex::default(),
            logged: Mutex::default(),
            kept: Arena::default(),
            trouble: Trouble::default(),
        };
        corpus::fill(&mut host);
        host
    }

    /// Labels texts, each with its labels (any order), in this order and in round 0.
    #[must_use]
    pub fn labeled(mut self, texts: &[(u32, &[u32])]) -> Self {
        for (id, labels) in texts {
            self.labeled.push(*id);
            let mut labels = labels.to_vec();
            labels.sort_unstable();
            self.label_ids.extend(labels);
            self.label_offsets.push(self.label_ids.len() as u64);
            self.acquired_in.push(0);
            self.pool.retain(|text| text != id);
        }
        self
    }

    /// The number of the round; 1 by default.
    #[must_use]
    pub fn round(mut self, round: u32) -> Self {
        self.round = round;
        self
    }

    /// The strategy's seed in this round; streams differ with it.
    #[must_use]
    pub fn seed(mut self, seed: u8) -> Self {
        self.seed = [seed; 32];
        self
    }

    /// Probability above which a label is predicted.
    #[must_use]
    pub fn threshold(mut self, threshold: f32) -> Self {
        self.threshold = threshold;
        self
    }

    /// `[n_texts, n_labels]`, row by row; the probabilities follow.
    ///
    /// # Panics
    /// Panics if the size is another.
    #[must_use]
    pub fn logits(mut self, logits: Vec<f32>) -> Self {
        assert_eq!(logits.len(), self.n_texts * self.n_labels, "one logit a text and label");
        self.logits = logits;
        self
    }

    /// `[n_texts, width]`, row by row: what features and embeddings give.
    ///
    /// # Panics
    /// Panics if the size is another.
    #[must_use]
    pub fn vectors(mut self, vectors: Vec<f32>, width: usize) -> Self {
        assert_eq!(vectors.len(), self.n_texts * width, "`width` numbers a text");
        self.vectors = (vectors, width);
        self
    }

    /// Sampled positions and losses of each text.
    ///
    /// # Panics
    /// Panics if there is not one list a text.
    #[must_use]
    pub fn surprisal(mut self, rows: &[Vec<(u32, f32)>]) -> Self {
        assert_eq!(rows.len(), self.n_texts, "one list a text");
        self.surprisal = (vec![0], Vec::new(), Vec::new());
        for row in rows {
            self.surprisal.1.extend(row.iter().map(|entry| entry.0));
            self.surprisal.2.extend(row.iter().map(|entry| entry.1));
            self.surprisal.0.push(self.surprisal.1.len() as u64);
        }
        self
    }

    /// The texts themselves.
    ///
    /// # Panics
    /// Panics if there are not `n_texts` of them.
    #[must_use]
    pub fn texts(mut self, texts: Vec<String>) -> Self {
        assert_eq!(texts.len(), self.n_texts, "one text for each id");
        self.texts = texts;
        self
    }

    /// Words, pieces and unknown pieces of each text.
    ///
    /// # Panics
    /// Panics if there are not `n_texts` of them.
    #[must_use]
    pub fn word_pieces(mut self, counts: Vec<[u32; 3]>) -> Self {
        assert_eq!(counts.len(), self.n_texts, "three counts a text");
        self.word_pieces = counts;
        self
    }

    /// Refuses every feature and service but these, as the real host does with a plugin's `needs`.
    #[must_use]
    pub fn needs(mut self, ids: &[&str]) -> Self {
        self.needs = Some(ids.iter().map(|&id| id.to_owned()).collect());
        self
    }

    /// A user who wants to stop.
    #[must_use]
    pub fn cancelled(self) -> Self {
        self.cancelled.store(true, std::sync::atomic::Ordering::Relaxed);
        self
    }

    /// The context that a strategy would see.
    pub fn context(&self) -> Context<'_> {
        Context::new(self)
    }

    /// Creates a strategy from parameters as JSON, and lets it select once.
    pub fn select<S: Strategy>(&self, params: &str, n: usize) -> Result<Selection> {
        self.create::<S>(params)?.select(&self.context(), n)
    }

    /// Creates a strategy from parameters as JSON.
    pub fn create<S: Strategy>(&self, params: &str) -> Result<S> {
        let params: Map<String, Value> = serde_json::from_str(params)
            .map_err(|e| Error::new(format!("not a JSON object: {e}")))?;
        let env = Env { instance: "test", n_texts: self.n_texts, n_labels: self.n_labels };
        S::new(S::Params::parse(&params)?, &env)
    }

    /// Features and services asked for so far, in order.
    pub fn fetched(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.0).collect()
    }

    /// Lines logged so far.
    pub fn logged(&self) -> Vec<String> {
        self.logged.lock().map(|list| list.clone()).unwrap_or_default()
    }
}
