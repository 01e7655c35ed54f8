//! The training loss: binary cross-entropy with logits.

use alhost_data::Labels;
use tch::{Device, Reduction, Tensor};

/// Returns the sum of `max(x, 0) - x * y + log(1 + exp(-|x|))` over texts and labels, of logits and
/// targets f32 [batch, labels].
pub(crate) fn bce_sum(logits: &Tensor, targets: &Tensor) -> Tensor {
    logits.binary_cross_entropy_with_logits::<Tensor>(targets, None, None, Reduction::Sum)
}

/// The labels of some texts as 0 and 1, f32 [texts, labels]. Dense for one batch only.
pub(crate) fn multi_hot(labels: &Labels, texts: &[u32], device: Device) -> Tensor {
    let n_labels = labels.n_labels();
    let mut values = vec![0.0_f32; texts.len() * n_labels];
    for (row, &text) in values.chunks_exact_mut(n_labels.max(1)).zip(texts) {
        for &label in labels.row(text as usize) {
            row[label as usize] = 1.0;
        }
    }
    Tensor::from_slice(&values).view([texts.len() as i64, n_labels as i64]).to_device(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        let mut labels = Labels::new(3);
        labels.push(&[0, 2]);
        labels.push(&[]);
        labels.push(&[1]);
        labels
    }

    #[test]
    fn targets_are_the_texts_asked_for_in_their_order() {
        let targets = multi_hot(&labels(), &[2, 0], Device::Cpu);
        assert_eq!(Vec::<Vec<f32>>::try_from(targets).unwrap(), [[0., 1., 0.], [1., 0., 1.]]);
    }

    #[test]
    fn the_loss_is_summed_over_texts_and_labels() {
        // -log(sigmoid(2)) - log(1 - sigmoid(-1)), twice, as the logits are alike.
        let logits = Tensor::from_slice2(&[[2.0_f32, -1.0], [2.0, -1.0]]);
        let targets = Tensor::from_slice2(&[[1.0_f32, 0.0], [1.0, 0.0]]);
        let expected = 2.0 * ((1.0 + (-2.0_f64).exp()).ln() + (1.0 + (-1.0_f64).exp()).ln());
        assert!((bce_sum(&logits, &targets).double_value(&[]) - expected).abs() < 1e-5);
    }
}
