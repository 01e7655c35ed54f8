//! Random sampling: the baseline of every comparison, and the smallest whole plugin.
//!
//! If you have come to write a strategy of your own, read on: this file is the tutorial. A plugin
//! has four parts, and they follow here in the order in which you would write them:
//!
//! 1. the parameters: a struct with `#[derive(Params)]`;
//! 2. the strategy: a struct that keeps them, and `impl Strategy` for it;
//! 3. `export_strategy!`, which makes the crate a plugin;
//! 4. tests, against a stand-in host that needs no model; and `tests/conformance.rs`, which checks the
//!    built library as the host would use it.
//!
//! To try it, copy this folder, give the crate and the id another name, and:
//!
//! ```sh
//! cargo test                # seconds: no libtorch is linked
//! cargo build --release
//! alhost plugin inspect target/release/librandom.so    # what the host will read of it
//! alhost plugin check target/release/librandom.so      # whether it keeps what the host relies on
//! alhost --plugin target/release/librandom.so          # run it
//! ```

// A plugin has no reason to contain unsafe code. What the boundary needs is in `export_strategy!`.
#![forbid(unsafe_code)]

// The trait, the context, the features, the macro: everything that an author uses.
use alhost_plugin_api::prelude::*;

// -- 1. Parameters ------------------------------------------------------------------------------

/// Nothing to set. A parameter would be a field:
///
/// ```
/// # use alhost_plugin_api::prelude::*;
/// #[derive(Params)]
/// struct MyParams {
///     /// Labels to average over. (This comment is the help text of `alhost plugin inspect`.)
///     #[param(default = 10, min = 1)]
///     top_labels: u32,
/// }
/// ```
///
/// The host reads the declaration without running the plugin. It refuses a misspelt name or a value
/// out of range before a model is loaded, and writes the values into the record of the run.
#[derive(Params)]
pub struct RandomParams;

// -- 2. The strategy ----------------------------------------------------------------------------

/// Orders the pool by a hash of (seed, round, text) and takes the first.
///
/// Shuffling the pool would do as well for one experiment. A hash of each text has one advantage:
/// whether text 7 comes before text 9 depends on these two and on nothing else, so two runs whose
/// pools differ by a few texts still agree about the others.
pub struct Random;

impl Strategy for Random {
    type Params = RandomParams;

    /// Creates the strategy, once and before the first round. The values have been checked against
    /// the declaration. Keep them in `self` if there are any; answer an error if together they make
    /// no sense.
    fn new(_params: RandomParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self)
    }

    /// Selects texts, once a round, after the model was trained on what is labeled so far.
    ///
    /// `ctx` lends everything that a strategy may know: the pool, the labeled texts, and the
    /// features declared in `needs` below. Random sampling looks at the pool alone.
    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        // The only source of randomness is `ctx.rng`. Its streams follow from the seed of the run,
        // this strategy, the round and the name given here: the same run gives the same numbers
        // again, another round gives others.
        let key = ctx.rng("order").next_u64();

        // One score a text, in the order of the pool. `highest` takes the n best (or all, if there
        // are fewer) and breaks ties by id, so that the answer is the same on every machine.
        let scores = ctx.pool().iter().map(|&id| unit_interval(mix(key, id)));
        Ok(Selection::highest(ctx.pool(), scores, n))
    }

    // `save` and `load` are left out: nothing is carried from one round to the next.
}

/// 64 well-mixed bits from a key and a text: `SplitMix64` (Steele, Lea and Flood 2014), whose state
/// starts at the key and is advanced to the text's place.
fn mix(key: u64, id: DocId) -> u64 {
    let steps = u64::from(id.0) + 1;
    let mut z = key.wrapping_add(steps.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The upper 53 bits as a number in [0, 1): all that an `f64` holds without rounding.
fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

// -- 3. What makes it a plugin ------------------------------------------------------------------

export_strategy!(
    Random,
    // What people write in a config, and what names its folder of records.
    id = "random",
    summary = "texts drawn at random: the baseline",
    // Features and services that `select` may ask for. Asking for one that is not listed is an
    // error; one that is listed and not asked for costs nothing.
    needs = [],
    // Another seed gives another selection, so a comparison needs several seeds.
    stochastic = true,
);

// -- 4. Tests -----------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    // A host with synthetic texts and without a model, and a check that every strategy should pass.
    use alhost_plugin_api::testing::{StandIn, check_contract};

    use super::*;

    fn select(host: &StandIn, n: usize) -> Vec<u32> {
        let selection = host.select::<Random>("{}", n).unwrap();
        selection.ids.iter().map(|id| id.0).collect()
    }

    // The right number of texts, all of the pool, none twice, nothing asked for that `needs` does
    // not list, the same again for the same seed, others for another: what the host demands.
    #[test]
    fn it_keeps_the_contract() {
        check_contract::<Random>("{}", &[], true);
    }

    #[test]
    fn rounds_differ_only_by_their_seed() {
        let host = |seed: u8| StandIn::new(200, 3).seed(seed);
        assert_eq!(select(&host(1), 20), select(&host(1), 20));
        assert_ne!(select(&host(1), 20), select(&host(2), 20));
    }

    #[test]
    fn the_order_of_two_texts_does_not_depend_on_the_others() {
        let everything = select(&StandIn::new(100, 3).seed(4), 100);
        let labeled: Vec<(u32, &[u32])> = (0..100).step_by(3).map(|id| (id, &[][..])).collect();
        let fewer = select(&StandIn::new(100, 3).labeled(&labeled).seed(4), 100);
        let expected: Vec<u32> = everything.into_iter().filter(|id| id % 3 != 0).collect();
        assert_eq!(fewer, expected);
    }

    #[test]
    fn every_text_is_as_likely_as_any_other() {
        let mut times_selected = HashMap::new();
        for seed in 0..=255 {
            for id in select(&StandIn::new(20, 2).seed(seed), 5) {
                *times_selected.entry(id).or_insert(0) += 1;
            }
        }
        // 256 x 5 / 20 = 64 expected, deviation 6.9: within 5 deviations.
        for id in 0..20 {
            let times = times_selected.get(&id).copied().unwrap_or(0);
            assert!((30..=98).contains(&times), "text {id} was selected {times} times");
        }
    }

    // Selections are part of published results: this one must not change within 1.x.
    #[test]
    fn the_order_is_fixed_for_ever() {
        assert_eq!(mix(0, DocId(0)), 0xe220_a839_7b1d_cdaf, "the first number of SplitMix64(0)");
        assert_eq!(mix(0, DocId(1)), 0x6e78_9e6a_a1b9_65f4, "the second");
    }
}
