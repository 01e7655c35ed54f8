//! The mean rank of each text over several lists.

/// Mean rank of each of `n_texts` texts over the lists, divided by `n_texts - 1`: from 0 for a text that all
/// lists begin with. A list holds positions, best first, none twice; texts that it leaves out share the mean
/// of the ranks that are left. There is at least one list.
pub fn mean_ranks(lists: &[Vec<u32>], n_texts: usize) -> Vec<f64> {
    // Ranks are whole numbers or halves of odd ones: their sums are exact, so that a tie is a tie.
    let mut sums = vec![0.0; n_texts];
    for list in lists {
        let shared = (list.len() + n_texts).saturating_sub(1) as f64 / 2.0;
        let mut ranks = vec![shared; n_texts];
        for (rank, &position) in list.iter().enumerate() {
            ranks[position as usize] = rank as f64;
        }
        sums.iter_mut().zip(&ranks).for_each(|(sum, rank)| *sum += rank);
    }
    let most = lists.len() as f64 * n_texts.saturating_sub(1).max(1) as f64;
    sums.iter().map(|sum| sum / most).collect()
}
