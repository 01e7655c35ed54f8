//! The view that a strategy has while it selects.

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice};
use serde::Serialize;

use crate::asking::{AskOptions, Picks, STRATEGY};
use crate::features::{
    AllWordPieces, EMBEDDING, EmbeddingOptions, FEATURES, LOGITS, MC_PROBABILITIES, MLM_SURPRISAL,
    Matrix, McOptions, Model, PROBABILITIES, Pooling, Sparse, SurprisalOptions, TEXT, Texts,
    WORD_PIECES,
};
use crate::ffi::{Block, Host, PlugError, RoundInfo, Sink, Sink_TO, doc_ids, raw_ids};
use crate::services::{
    DISCRIMINATOR, Discriminator, DiscriminatorOptions, KERNEL_GREEDY, KMEANS, KMeans,
    KMeansOptions, KernelGreedy, KernelGreedyOptions, NEAREST, Nearest, NearestOptions,
};
use crate::{DocId, Error, Result, Rng};

/// The host, for the length of one call of [`Strategy::select`](crate::Strategy::select).
///
/// Everything it hands out is borrowed until that call returns. It may be used from any thread
/// that the strategy starts and joins within the call.
pub struct Context<'a> {
    host: &'a dyn Host,
    round: RoundInfo<'a>,
}

/// The labeled texts, in the order in which they were labeled.
#[derive(Clone, Copy)]
pub struct Labeled<'a>(RoundInfo<'a>);

impl<'a> Labeled<'a> {
    /// Number of labeled texts.
    pub fn len(&self) -> usize {
        self.0.labeled.len()
    }

    /// Whether nothing is labeled yet, as when the initial set is chosen.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The texts.
    pub fn ids(&self) -> &'a [DocId] {
        doc_ids(self.0.labeled.as_slice())
    }

    /// Labels of the text `ids()[i]`, ascending; empty for a text that carries none.
    ///
    /// # Panics
    /// Panics if there is no such text.
    pub fn labels(&self, i: usize) -> &'a [u32] {
        let offsets = self.0.label_offsets.as_slice();
        &self.0.label_ids.as_slice()[offsets[i] as usize..offsets[i + 1] as usize]
    }

    /// Round in which the text `ids()[i]` was labeled; the initial set is of round 0.
    ///
    /// # Panics
    /// Panics if there is no such text.
    pub fn acquired_in(&self, i: usize) -> u32 {
        self.0.acquired_in[i]
    }
}

impl<'a> Context<'a> {
    pub(crate) fn new(host: &'a dyn Host) -> Self {
        Self { host, round: host.round() }
    }

    /// The unlabeled texts, ascending: what may be selected.
    pub fn pool(&self) -> &'a [DocId] {
        doc_ids(self.round.pool.as_slice())
    }

    /// The labeled texts with their labels.
    pub fn labeled(&self) -> Labeled<'a> {
        Labeled(self.round)
    }

    /// Texts of the train split, labeled or not; ids are below it.
    pub fn n_texts(&self) -> usize {
        self.round.n_texts as usize
    }

    /// Labels of the data set; label ids are below it.
    pub fn n_labels(&self) -> usize {
        self.round.n_labels as usize
    }

    /// Number of this query. The texts selected in round r are labeled before round r + 1.
    pub fn round(&self) -> u32 {
        self.round.round
    }

    /// Probability above which the model predicts a label, tuned on dev (strictly above); NaN
    /// before the first training.
    pub fn threshold(&self) -> f32 {
        self.round.threshold
    }

    /// Texts as UTF-8. Needs [`TEXT`].
    pub fn texts(&self, ids: &[DocId]) -> Result<Texts<'_>> {
        Ok(Texts(self.fetch(TEXT, &NoOptions {}, ids)?))
    }

    /// Word and piece counts. Needs [`WORD_PIECES`]. Computed once for a data set.
    pub fn word_pieces(&self, ids: &[DocId]) -> Result<AllWordPieces<'_>> {
        Ok(AllWordPieces(self.fetch(WORD_PIECES, &NoOptions {}, ids)?))
    }

    /// Masked-LM losses at sampled positions, in nats. Needs [`MLM_SURPRISAL`]. The positions of a
    /// text are the same in every round. With the pre-trained model: computed once for a data set
    /// and a seed; with the current one: a pass over `ids` in every round.
    pub fn surprisal(&self, ids: &[DocId], options: &SurprisalOptions) -> Result<Sparse<'_>> {
        Ok(Sparse(self.fetch(MLM_SURPRISAL, options, ids)?))
    }

    /// `[ids, hidden]`: a vector a text from the last hidden states. Needs [`EMBEDDING`].
    pub fn embedding(&self, ids: &[DocId], model: Model, pooling: Pooling) -> Result<Matrix<'_>> {
        let options = EmbeddingOptions { model, pooling };
        Ok(Matrix::from_block(&self.fetch(EMBEDDING, &options, ids)?))
    }

    /// `[ids, width]`: the input of the classifier's last linear layer. Needs [`FEATURES`].
    pub fn features(&self, ids: &[DocId]) -> Result<Matrix<'_>> {
        Ok(Matrix::from_block(&self.fetch(FEATURES, &NoOptions {}, ids)?))
    }

    /// `[ids, labels]`: the classifier's outputs before the sigmoid. Needs [`LOGITS`].
    pub fn logits(&self, ids: &[DocId]) -> Result<Matrix<'_>> {
        Ok(Matrix::from_block(&self.fetch(LOGITS, &NoOptions {}, ids)?))
    }

    /// `[ids, labels]`: the classifier's probabilities. Needs [`PROBABILITIES`].
    pub fn probabilities(&self, ids: &[DocId]) -> Result<Matrix<'_>> {
        Ok(Matrix::from_block(&self.fetch(PROBABILITIES, &NoOptions {}, ids)?))
    }

    /// `[ids, passes * labels]`: probabilities of `passes` last layers that the classifier's may be as well
    /// (some of its inputs dropped, or samples of its posterior). A pass is one layer for all texts, the same
    /// in all requests of a round; the encoder runs once, without dropout. Needs [`MC_PROBABILITIES`].
    pub fn mc_probabilities(&self, ids: &[DocId], passes: u32) -> Result<Matrix<'_>> {
        Ok(Matrix::from_block(&self.fetch(MC_PROBABILITIES, &McOptions { passes }, ids)?))
    }

    /// A dense feature ([`FEATURES`], [`LOGITS`] or [`PROBABILITIES`]) in blocks of at most `rows`
    /// texts, for pools whose matrix would not fit in memory: `f(first, block)` gets the position
    /// in `ids` of the block's first row. A block is gone when `f` returns; what has been computed
    /// before is not computed again.
    pub fn stream(
        &self,
        feature: &str,
        ids: &[DocId],
        rows: usize,
        f: impl FnMut(usize, Matrix<'_>) -> Result<()>,
    ) -> Result<()> {
        struct Adapter<F>(F);
        impl<F: FnMut(usize, Matrix<'_>) -> Result<()>> Sink for Adapter<F> {
            fn block(&mut self, first: usize, block: &Block<'_>) -> RResult<(), PlugError> {
                // A panic must not cross into the host on its way out.
                crate::export::guarded(|| (self.0)(first, Matrix::from_block(block)))
            }
        }
        let mut adapter = Adapter(f);
        let sink = Sink_TO::from_ptr(&mut adapter, TD_Opaque);
        let ids = RSlice::from_slice(raw_ids(ids));
        let answer = self.host.stream(feature.into(), "{}".into(), ids, rows, sink);
        answer.into_result().map_err(Into::into)
    }

    /// Clusters the rows of `points`: k-means++, then Lloyd. Needs [`KMEANS`].
    pub fn kmeans(&self, points: Matrix<'_>, options: &KMeansOptions) -> Result<KMeans<'_>> {
        KMeans::from_block(&self.compute(KMEANS, options, &[points])?)
    }

    /// The `k` rows of `points` nearest to each row of `centers`, by Euclidean distance. Needs
    /// [`NEAREST`]. Also a k-nearest-neighbour search, where the centres are texts.
    pub fn nearest(
        &self,
        points: Matrix<'_>,
        centers: Matrix<'_>,
        k: usize,
    ) -> Result<Nearest<'_>> {
        let block = self.compute(NEAREST, &NearestOptions { k }, &[points, centers])?;
        Ok(Nearest::from_block(&block))
    }

    /// Trains a fresh network to tell the rows of `labeled` (class 0) from those of `unlabeled`
    /// (class 1), and asks it about the latter. Needs [`DISCRIMINATOR`].
    pub fn discriminator(
        &self,
        labeled: Matrix<'_>,
        unlabeled: Matrix<'_>,
        options: &DiscriminatorOptions,
    ) -> Result<Discriminator<'_>> {
        let block = self.compute(DISCRIMINATOR, options, &[labeled, unlabeled])?;
        Discriminator::from_block(&block)
    }

    /// Picks rows of `points` one after the other, each of the largest worth given `fixed` (texts that are
    /// labeled, say; maybe none) and the picks before. The picks are those of f64 arithmetic. `weights` are
    /// one a row, finite and not negative. Needs [`KERNEL_GREEDY`].
    ///
    /// A Gaussian or a ball looks at every pair of rows once and at some more often: 44,689 rows of 768
    /// numbers take the host's CPU tens of seconds. [`GreedyRule::Farthest`] looks at fixed rows and picks
    /// only.
    ///
    /// [`GreedyRule::Farthest`]: crate::services::GreedyRule::Farthest
    pub fn kernel_greedy(
        &self,
        points: Matrix<'_>,
        fixed: Matrix<'_>,
        weights: Option<&[f64]>,
        options: &KernelGreedyOptions,
    ) -> Result<KernelGreedy<'_>> {
        let mut inputs = vec![points.to_block(), fixed.to_block()];
        if let Some(of) = weights {
            inputs.push(Block { rows: of.len(), cols: 1, f64s: of.into(), ..Block::EMPTY });
        }
        KernelGreedy::from_block(&self.compute_blocks(KERNEL_GREEDY, options, &inputs)?)
    }

    /// What strategy number `strategy` of the list in the parameter [`STRATEGIES`] would label, had it
    /// been asked for `n` texts of this pool, with this model. It is answered with its error where it fails.
    /// Needs [`STRATEGY`]. The time that it takes is charged to this strategy.
    ///
    /// [`STRATEGIES`]: crate::asking::STRATEGIES
    pub fn ask(&self, strategy: usize, n: usize) -> Result<Picks<'_>> {
        let block = self.compute(STRATEGY, &AskOptions { strategy, n }, &[])?;
        Ok(Picks::from_block(&block))
    }

    /// The random stream called `name` of this strategy in this round. The same name twice gives
    /// the same numbers twice. Take randomness from nowhere else.
    pub fn rng(&self, name: &str) -> Rng {
        Rng::stream(&self.round.seed, name)
    }

    /// Whether the user wants to stop. Ask now and then in long work, and answer with
    /// [`Error::cancelled`](crate::Error::cancelled).
    pub fn cancelled(&self) -> bool {
        self.host.cancelled()
    }

    /// Tells how far the work is; shown as a bar.
    pub fn progress(&self, done: u64, total: u64) {
        self.host.progress(done, total);
    }

    /// Writes a line into the log.
    pub fn info(&self, message: &str) {
        self.host.log(3, message.into());
    }

    /// Writes a line into the log that the user should see.
    pub fn warn(&self, message: &str) {
        self.host.log(2, message.into());
    }

    fn fetch(&self, feature: &str, options: &impl Serialize, ids: &[DocId]) -> Result<Block<'_>> {
        let ids = RSlice::from_slice(raw_ids(ids));
        let options = json(options)?;
        self.host
            .fetch(feature.into(), options.as_str().into(), ids)
            .into_result()
            .map_err(Into::into)
    }

    fn compute(
        &self,
        service: &str,
        options: &impl Serialize,
        inputs: &[Matrix<'_>],
    ) -> Result<Block<'_>> {
        let inputs: Vec<Block<'_>> = inputs.iter().map(|matrix| matrix.to_block()).collect();
        self.compute_blocks(service, options, &inputs)
    }

    fn compute_blocks(
        &self,
        service: &str,
        options: &impl Serialize,
        inputs: &[Block<'_>],
    ) -> Result<Block<'_>> {
        let options = json(options)?;
        let inputs = RSlice::from_slice(inputs);
        let answer = self.host.compute(service.into(), options.as_str().into(), inputs);
        answer.into_result().map_err(Into::into)
    }
}

/// Stands where a feature takes no options.
#[derive(Serialize)]
struct NoOptions {}

/// Writes options as they cross the boundary.
fn json(options: &impl Serialize) -> Result<String> {
    serde_json::to_string(options).map_err(|error| Error::new(error.to_string()))
}
