//! The order in which clusters are visited: fixed before the first pick, round and round.

use std::cmp::Reverse;

/// Clusters of so many texts, or fewer, come after all others.
const SMALL: usize = 5;

/// Where the visits are.
#[derive(Clone, Debug)]
pub struct Visits {
    /// Free unlabeled rows of each cluster, ascending, in the order of the visits: first of the clusters that
    /// are not small, then of the others.
    groups: [Vec<Vec<usize>>; 2],
    /// Group and place in it of the next visit.
    next: (usize, usize),
}

impl Visits {
    /// `clusters` is that of each of `n_unlabeled` rows, then of the labeled rows.
    pub fn new(clusters: &[u32], n_unlabeled: usize) -> Self {
        let n_clusters = clusters.iter().max().map_or(0, |&last| last as usize + 1);
        let (mut free, mut n_labeled) = (vec![Vec::new(); n_clusters], vec![0; n_clusters]);
        for (row, &cluster) in clusters.iter().enumerate() {
            if row < n_unlabeled {
                free[cluster as usize].push(row);
            } else {
                n_labeled[cluster as usize] += 1;
            }
        }
        let size = |cluster: usize| free[cluster].len() + n_labeled[cluster];
        let mut order: Vec<usize> = (0..n_clusters).collect();
        order.sort_by_key(|&cluster| (n_labeled[cluster], Reverse(size(cluster)), cluster));
        let (large, small): (Vec<usize>, Vec<usize>) =
            order.into_iter().partition(|&cluster| size(cluster) > SMALL);
        let groups = [large, small].map(|group| group.iter().map(|&c| free[c].clone()).collect());
        Self { groups, next: (0, 0) }
    }

    /// The free rows of the next cluster that has any.
    ///
    /// # Panics
    /// Panics if no row is free.
    pub fn next_cluster(&mut self) -> &mut Vec<usize> {
        let group = self.groups.iter().position(|group| group.iter().any(|c| !c.is_empty()));
        let group = group.expect("no more rows are asked for than are free");
        let first = if self.next.0 == group { self.next.1 } else { 0 };
        let clusters = &mut self.groups[group];
        let n = clusters.len();
        let places = (0..n).map(|step| (first + step) % n);
        let place = places.into_iter().find(|&place| !clusters[place].is_empty());
        let place = place.expect("one of this group is not empty");
        self.next = (group, place + 1);
        &mut clusters[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first free row of each visit, which takes it.
    fn check(clusters: &[u32], n_unlabeled: usize, expected: &[usize]) {
        let mut visits = Visits::new(clusters, n_unlabeled);
        let got: Vec<usize> = expected.iter().map(|_| visits.next_cluster().remove(0)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn few_labeled_first_then_large_then_small() {
        // Cluster 0 has 6 rows, one of them labeled; 1 has 7; 2 has 6; 3 has 2.
        let clusters = [
            [3, 0, 0, 0, 0, 0].as_slice(),
            [1; 7].as_slice(),
            [2; 6].as_slice(),
            [3, 0].as_slice(),
        ]
        .concat();
        let rounds = [6, 13, 1, 7, 14, 2, 8, 15, 3, 9, 16, 4, 10, 17, 5, 11, 18, 12, 0, 19];
        check(&clusters, 20, &rounds);
    }

    #[test]
    fn where_all_are_small_they_are_visited_all_the_same() {
        check(&[0, 1, 1, 5, 1], 4, &[0, 3, 1, 2]);
        check(&[2], 1, &[0]);
    }
}
