//! The task that all strategies select for: texts, tokens, the pool, and the part of it that is offered.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use alhost_base::ledger::{Notes, Work};
use alhost_base::matrix::MatrixRoom;
use alhost_base::progress::Silent;
use alhost_data::tokens::Tokens;
use alhost_data::{Labels, Texts};
use alhost_engine::lending::{RoundView, Surroundings};
use alhost_engine::pool::{Annotation, Offer, Pool};
use alhost_plugin_api::features::{MLM_SURPRISAL, WORD_PIECES};
use alhost_plugin_api::{DocId, Selection};
use anyhow::{Result, ensure};
use tokenizers::Tokenizer;

use crate::arrays::Uniform;
use crate::options::Size;

const MAX_TOKENS: usize = 128;
/// Words of a text, where a strategy looks at them.
const WORDS: usize = 100;

static NEVER: AtomicBool = AtomicBool::new(false);

pub(crate) struct Task {
    texts: Texts,
    tokens: Tokens,
    pool: Pool,
    /// The texts that may be selected.
    among: Vec<DocId>,
    matrices: MatrixRoom,
    notes: Notes,
}

impl Task {
    /// `needs` decides whether texts have words.
    pub(crate) fn new(
        size: Size,
        labels: &Labels,
        candidates: Option<usize>,
        needs: &[String],
        tokenizer: &Tokenizer,
    ) -> Result<Self> {
        let reads = needs.iter().any(|need| need == MLM_SURPRISAL || need == WORD_PIECES);
        let texts = texts(size.texts, if reads { WORDS } else { 0 });
        let tokens = if reads {
            Tokens::make(tokenizer, &texts, MAX_TOKENS)?
        } else {
            Tokens::from_rows(&vec![Vec::new(); size.texts], "")
        };
        let pool = pool(size, labels)?;
        let offered = candidates.unwrap_or(size.texts).min(pool.unlabeled().len());
        let among = pool.unlabeled()[..offered].to_vec();
        let (matrices, notes) = (MatrixRoom::default(), Notes::default());
        Ok(Self { texts, tokens, pool, among, matrices, notes })
    }

    pub(crate) fn offer(&self) -> Offer<'_> {
        Offer { pool: &self.pool, among: Some(&self.among) }
    }

    /// The round as a strategy sees it.
    pub(crate) fn view(&self, size: Size, instance: &str) -> RoundView {
        let (offsets, ids) = self.pool.labels().csr();
        RoundView {
            round: 1,
            n_labels: size.labels as u32,
            threshold: 0.5,
            pool: self.among.iter().map(|id| id.0).collect(),
            labeled: self.pool.labeled().iter().map(|id| id.0).collect(),
            label_offsets: offsets.to_vec(),
            label_ids: ids.to_vec(),
            acquired_in: self.pool.rounds().to_vec(),
            seed: seed(instance),
        }
    }

    pub(crate) fn around<'a>(&'a self, instance: &'a str, needs: &'a [String]) -> Surroundings<'a> {
        Surroundings {
            instance,
            needs,
            texts: &self.texts,
            tokens: &self.tokens,
            trained: true,
            matrix_limit: u64::MAX,
            matrices: &self.matrices,
            surprisal_seed: 1,
            work: Work { progress: &Silent, notes: &self.notes },
            cancelled: &NEVER,
        }
    }
}

/// The seed of a strategy.
pub(crate) fn seed(instance: &str) -> [u8; 32] {
    *blake3::hash(instance.as_bytes()).as_bytes()
}

/// The tokenizer that the tests have.
pub(crate) fn tokenizer() -> Result<Tokenizer> {
    let fixture = "../tests/fixtures/tiny-bert-mlm/tokenizer.json";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture);
    Tokenizer::from_file(file).map_err(anyhow::Error::from_boxed)
}

/// Texts of made-up words; two letters and a number make one.
fn texts(n: usize, n_words: usize) -> Texts {
    let mut uniform = Uniform(17);
    let mut texts = Texts::default();
    for _ in 0..n {
        let word = |_| {
            let word = (uniform.next() * 4_000.0) as u32;
            let letter = |at: u32| char::from(b'a' + (at % 26) as u8);
            format!("{}{}{}", letter(word), letter(word / 26), word % 7)
        };
        texts.push(&(0..n_words).map(word).collect::<Vec<_>>().join(" "));
    }
    texts
}

fn pool(size: Size, labels: &Labels) -> Result<Pool> {
    ensure!(size.labeled < size.texts, "no text is left to select");
    let mut pool = Pool::new(size.texts, size.labels);
    let first: Vec<DocId> = (0..size.labeled as u32).map(DocId).collect();
    let answers = first.iter().zip(labels.rows());
    let answers = answers.map(|(&id, labels)| (id, Annotation::Labels(labels.to_vec()))).collect();
    let selection = pool.select(&Selection::ranked(first), size.labeled)?;
    pool.annotate(&selection, answers, 0)?;
    Ok(pool)
}
