//! The discriminator of DAL (Gissin & Shalev-Shwartz 2019): how unlike the labeled rows is each
//! unlabeled one?

use alhost_base::seed::shuffle;
use alhost_model::Discriminator;
use alhost_plugin_api::services::DiscriminatorOptions;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor, no_grad};

use super::mlp::{Batch, Mlp};
use super::{ComputeError, MatrixView};
use crate::device::OneThread;

/// Trains a fresh discriminator between `labeled` and `unlabeled` and asks it about the latter.
///
/// The loss of a batch is Σ weight · cross-entropy / rows. A short last batch is kept. Weights and
/// the order of the rows come from `rng` alone.
pub fn discriminator(
    labeled: MatrixView<'_>,
    unlabeled: MatrixView<'_>,
    options: &DiscriminatorOptions,
    rng: &mut ChaCha8Rng,
    device: Device,
    cancelled: &dyn Fn() -> bool,
) -> Result<Discriminator, ComputeError> {
    check(labeled, unlabeled, options)?;
    no_grad(|| {
        let mut sizes = vec![labeled.cols];
        sizes.extend(options.widths.iter().map(|&width| width as usize));
        sizes.push(2);
        let mut mlp = Mlp::glorot(&sizes, rng, device)?;
        let rows = Rows::new(labeled, unlabeled, device)?;
        let mut order: Vec<i64> = (0..rows.classes.len() as i64).collect();
        let mut shuffled = || {
            shuffle(&mut order, rng);
            order.clone()
        };
        let one_thread = one_thread_for_small_steps(options.batch as usize * mlp.n_parameters());
        let fitted = fit(&mut mlp, &rows, options, &mut shuffled, cancelled)?;
        drop(one_thread);
        let unlabeled = rows.points.f_narrow(0, labeled.rows as i64, unlabeled.rows as i64)?;
        Ok(Discriminator {
            p_unlabeled: mlp.probabilities(&unlabeled)?,
            accuracy: fitted.accuracy,
            epochs: fitted.epochs,
        })
    })
}

fn check(
    labeled: MatrixView<'_>,
    unlabeled: MatrixView<'_>,
    options: &DiscriminatorOptions,
) -> Result<(), ComputeError> {
    labeled.check("labeled rows")?;
    unlabeled.check("unlabeled rows")?;
    if labeled.cols != unlabeled.cols {
        return Err(ComputeError::Columns {
            name: "labeled rows",
            cols: labeled.cols,
            others: "unlabeled ones",
            other_cols: unlabeled.cols,
        });
    }
    for (option, value) in [
        ("labeled rows", labeled.rows),
        ("unlabeled rows", unlabeled.rows),
        ("columns", labeled.cols),
        ("epochs", options.epochs as usize),
        ("batch", options.batch as usize),
        ("widths", options.widths.iter().copied().min().unwrap_or(1) as usize),
    ] {
        if value == 0 {
            return Err(ComputeError::option(option, 0, "at least 1"));
        }
    }
    let [labeled_weight, unlabeled_weight] = options.class_weights;
    for (option, value) in [
        ("rate", options.rate),
        ("class_weights", labeled_weight),
        ("class_weights", unlabeled_weight),
    ] {
        if !value.is_finite() || value <= 0.0 {
            return Err(ComputeError::option(option, value, "above 0"));
        }
    }
    Ok(())
}

/// Takes one thread where a step is small. `work` is the rows of a batch times parameters; the paper's
/// network has 10 million.
///
/// A step with a small batch is some thirty operations of microseconds, and each would wait for all
/// threads: measured beside other load, one thread was 13 times as fast as two.
fn one_thread_for_small_steps(work: usize) -> Option<OneThread> {
    (work < 20_000_000).then(OneThread::only)
}

/// The training rows on the device: the labeled ones (class 0), then the unlabeled (class 1).
struct Rows {
    points: Tensor, // [n, cols]
    classes: Vec<u8>,
}

impl Rows {
    fn new(
        labeled: MatrixView<'_>,
        unlabeled: MatrixView<'_>,
        device: Device,
    ) -> Result<Self, ComputeError> {
        let tensor = |rows: MatrixView<'_>| {
            Tensor::f_from_slice(rows.data)?
                .f_reshape([rows.rows as i64, rows.cols as i64])?
                .f_to(device)
        };
        let points = Tensor::f_cat(&[tensor(labeled)?, tensor(unlabeled)?], 0)?;
        let mut classes = vec![0; labeled.rows];
        classes.resize(labeled.rows + unlabeled.rows, 1);
        Ok(Self { points, classes })
    }
}

struct Fitted {
    accuracy: f64,
    epochs: u32,
    /// The loss of each batch, before its update.
    #[cfg(test)]
    losses: Vec<f64>,
}

fn fit(
    mlp: &mut Mlp,
    rows: &Rows,
    options: &DiscriminatorOptions,
    order: &mut dyn FnMut() -> Vec<i64>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Fitted, ComputeError> {
    let mut epochs = 0;
    let mut accuracy = 0.0;
    #[cfg(test)]
    let mut losses = Vec::new();
    while epochs < options.epochs {
        let epoch = Epoch::new(rows, &order(), options)?;
        let logits = epoch.train(mlp, options, cancelled)?;
        epochs += 1;
        accuracy = epoch.accuracy(&logits)?;
        #[cfg(test)]
        losses.extend(epoch.losses(&logits, options.batch as usize)?);
        if options.stop_accuracy.is_some_and(|stop| accuracy > stop) {
            break;
        }
    }
    Ok(Fitted {
        accuracy,
        epochs,
        #[cfg(test)]
        losses,
    })
}

/// The rows in the order of one epoch, so that a batch is a slice of each tensor.
struct Epoch {
    points: Tensor, // [n, cols]
    /// Holds 1 in the column of the row's class.
    one_hot: Tensor, // [n, 2]
    /// The class weight over the number of rows of the batch.
    weights: Tensor, // [n, 1]
}

impl Epoch {
    fn new(
        rows: &Rows,
        order: &[i64],
        options: &DiscriminatorOptions,
    ) -> Result<Self, ComputeError> {
        let n = order.len();
        let class = |position: usize| usize::from(rows.classes[order[position] as usize]);
        let mut one_hot = vec![0.0_f32; n * 2];
        let mut weights = vec![0.0_f32; n];
        for position in 0..n {
            let batch_start = position - position % options.batch as usize;
            let batch_rows = (options.batch as usize).min(n - batch_start);
            one_hot[position * 2 + class(position)] = 1.0;
            weights[position] = (options.class_weights[class(position)] / batch_rows as f64) as f32;
        }
        let device = rows.points.device();
        let tensor = |values: &[f32], cols: i64| {
            Tensor::f_from_slice(values)?.f_reshape([-1, cols])?.f_to(device)
        };
        Ok(Self {
            points: rows.points.f_index_select(0, &Tensor::f_from_slice(order)?.f_to(device)?)?,
            one_hot: tensor(&one_hot, 2)?,
            weights: tensor(&weights, 1)?,
        })
    }

    /// One pass over all batches; gives the logits before the update of each row's batch, [n, 2].
    fn train(
        &self,
        mlp: &mut Mlp,
        options: &DiscriminatorOptions,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Tensor, ComputeError> {
        let n = self.points.size()[0];
        let mut logits = Vec::new();
        for first in (0..n).step_by(options.batch as usize) {
            if cancelled() {
                return Err(ComputeError::Cancelled);
            }
            let rows = i64::from(options.batch).min(n - first);
            let batch = Batch {
                points: self.points.f_narrow(0, first, rows)?,
                one_hot: self.one_hot.f_narrow(0, first, rows)?,
                weights: self.weights.f_narrow(0, first, rows)?,
            };
            logits.push(mlp.step(&batch, options.rate)?);
        }
        Ok(Tensor::f_cat(&logits, 0)?)
    }

    fn accuracy(&self, logits: &Tensor) -> Result<f64, ComputeError> {
        let right = logits.f_argmax(1, false)?.f_eq_tensor(&self.one_hot.f_argmax(1, false)?)?;
        let right = right.f_sum(tch::Kind::Int64)?.f_int64_value(&[])?;
        Ok(right as f64 / logits.size()[0] as f64)
    }

    #[cfg(test)]
    fn losses(&self, logits: &Tensor, batch: usize) -> Result<Vec<f64>, ComputeError> {
        let log_p = logits.f_log_softmax(1, tch::Kind::Double)?;
        let losses = (log_p * &self.one_hot * &self.weights).f_neg()?;
        let losses = Vec::<f64>::try_from(losses.f_reshape([-1])?)?;
        Ok(losses.chunks(2 * batch).map(|batch| batch.iter().sum()).collect())
    }
}

#[cfg(test)]
mod tests;
