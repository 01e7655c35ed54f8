//! The list of cases: id, strictness, meaning, function.

use super::subject::Subject;
use super::verdict::{Checked, Status, Verdict};
use super::{determinism, fuzz, inputs, library, params, reach, run_cases, select, state, tools};

/// How far a plugin has to come for a case to say anything.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Stage {
    File,
    Loaded,
    Created,
    Answering,
}

/// One case.
pub struct Case {
    /// Name that stays the same: people name it in their own tests.
    pub id: &'static str,
    /// Strictness from which it is run: 1 what nothing works without, 5 the default, up to 9.
    pub level: u8,
    /// Sentence that says what it checks.
    pub meaning: &'static str,
    pub(super) needs: Stage,
    /// Seconds that it may take where the deadline is shorter.
    pub(super) seconds: u64,
    /// Whether it starts programs that need more address space than a plugin.
    pub(super) is_unlimited: bool,
    pub(super) run: fn(&Subject) -> Checked,
}

impl Case {
    const fn new(
        id: &'static str,
        level: u8,
        meaning: &'static str,
        run: fn(&Subject) -> Checked,
    ) -> Self {
        let needs = Stage::Answering;
        Self { id, level, meaning, needs, seconds: 0, is_unlimited: false, run }
    }

    const fn needs(mut self, needs: Stage) -> Self {
        self.needs = needs;
        self
    }

    const fn seconds(mut self, seconds: u64) -> Self {
        self.seconds = seconds;
        self
    }

    const fn unlimited(mut self) -> Self {
        self.is_unlimited = true;
        self
    }

    /// Whether this is its id, or its group.
    pub fn is_called(&self, id: &str) -> bool {
        self.id == id || self.id.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'))
    }

    pub(super) fn verdict(&self, status: Status, detail: String, seconds: f64) -> Verdict {
        let Self { id, level, meaning, .. } = *self;
        Verdict { id, level, meaning, status, detail, seconds }
    }
}

pub(super) fn find(id: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.id == id)
}

/// All cases, by group.
pub static CASES: &[Case] = &[
    Case::new(
        "lib.manifest-static",
        1,
        "The file has a readable manifest, with a proper id, version, needs and parameters.",
        library::manifest_static,
    )
    .needs(Stage::File),
    Case::new(
        "lib.manifest-consistent",
        1,
        "The manifest in the file is the one that the loaded plugin gives.",
        library::manifest_consistent,
    )
    .needs(Stage::Loaded),
    Case::new("lib.load-now", 1, "It loads with all symbols resolved at once.", library::load_now)
        .needs(Stage::File),
    Case::new(
        "lib.load-time",
        3,
        "Loading opens no file, starts no thread, prints nothing; it takes under 0.1 s (warning).",
        library::load_time,
    )
    .needs(Stage::Loaded),
    Case::new(
        "lib.api-version",
        1,
        "It was built with a plugin-api that this alhost provides.",
        library::api_version,
    )
    .needs(Stage::File),
    Case::new(
        "lib.layout",
        1,
        "The types that cross the boundary are laid out as this alhost lays them out.",
        library::layout,
    )
    .needs(Stage::File),
    Case::new(
        "lib.profile",
        2,
        "Panics unwind; no libtorch, CUDA or Python is linked; a release build (warning).",
        library::profile,
    )
    .needs(Stage::File),
    Case::new(
        "lib.twice",
        2,
        "Loaded twice in one process, it answers as if loaded once.",
        library::twice,
    ),
    Case::new(
        "lib.with-other",
        2,
        "Beside another plugin in one process, it answers as if alone.",
        library::with_other,
    ),
    Case::new(
        "lib.unknown-strategy",
        1,
        "Created from junk, it gives an error; for no texts, or oddly named, it does not panic.",
        library::unknown_strategy,
    )
    .needs(Stage::Created),
    Case::new(
        "params.defaults-valid",
        1,
        "The defaults keep their own declaration, and it starts with them.",
        params::defaults_valid,
    )
    .needs(Stage::Loaded),
    Case::new(
        "params.reject",
        2,
        "A parameter that is unknown, out of range or of another type is refused by name.",
        params::reject,
    )
    .needs(Stage::Created),
    Case::new(
        "params.bounds",
        5,
        "It works with each parameter at each end of its range, and with each choice.",
        params::bounds,
    ),
    Case::new(
        "params.fuzz",
        6,
        "With 50 random sets of allowed parameters, it works or says why not.",
        params::fuzz,
    ),
    Case::new(
        "params.live",
        5,
        "Every parameter, when moved, moves some answer or request (warning).",
        params::live,
    ),
    Case::new("select.count", 1, "A query gives exactly min(n, pool) ids.", select::count),
    Case::new("select.in-pool", 1, "All ids are of unlabeled texts.", select::in_pool),
    Case::new("select.unique", 1, "No id comes twice.", select::unique),
    Case::new(
        "select.scores",
        1,
        "Scores, where there are any, are one an id and none is NaN.",
        select::scores,
    ),
    Case::new(
        "select.n-gt-pool",
        2,
        "Asked for more texts than there are, it gives them all.",
        select::n_gt_pool,
    ),
    Case::new("select.n-zero", 2, "Asked for nothing, it gives nothing.", select::n_zero),
    Case::new("select.pool-empty", 2, "With an empty pool, it gives nothing.", select::pool_empty),
    Case::new("select.pool-one", 2, "With one text in the pool, it gives that.", select::pool_one),
    Case::new(
        "select.cold-start",
        2,
        "With nothing labeled or trained, it works, or needs a classifier and says so.",
        select::cold_start,
    ),
    Case::new(
        "select.one-class",
        3,
        "With one label in the data, or one in the labeled texts, it works.",
        inputs::one_class,
    ),
    Case::new(
        "select.nan-inf",
        3,
        "NaN, infinite and denormal values give an error or the same answer each time.",
        inputs::nan_inf,
    ),
    Case::new(
        "select.not-normalised",
        4,
        "Where every label has probability 1, or none, it works.",
        inputs::not_normalised,
    ),
    Case::new(
        "select.constant",
        4,
        "Where all texts are alike, it works, and breaks ties the same way each time.",
        inputs::constant,
    ),
    Case::new(
        "select.degenerate-text",
        3,
        "Empty, very long, odd and repeated texts are texts.",
        inputs::degenerate_text,
    ),
    Case::new(
        "select.unlabeled-docs",
        3,
        "Labeled texts that carry no label are labeled texts.",
        inputs::unlabeled_docs,
    ),
    Case::new(
        "select.permutation",
        5,
        "Without randomness, the same texts are selected under other ids, but for ties.",
        inputs::permutation,
    ),
    Case::new(
        "select.huge",
        7,
        "A million texts take at most 3 minutes and 8 GiB, and no steep rise (warning).",
        select::huge,
    )
    .seconds(180),
    Case::new(
        "select.input-untouched",
        2,
        "What the host lends is as it was afterwards.",
        reach::input_untouched,
    ),
    Case::new(
        "select.declared-only",
        2,
        "It asks for nothing that is not among its `needs`.",
        reach::declared_only,
    ),
    Case::new(
        "select.label-blind",
        2,
        "Gold labels in files around it do not move its answer.",
        reach::label_blind,
    ),
    Case::new(
        "det.same-seed",
        1,
        "The same seed gives the same answers in two processes, with one or four threads.",
        determinism::same_seed,
    ),
    Case::new(
        "det.instances",
        3,
        "Two instances in turns answer as if each were alone.",
        determinism::instances,
    ),
    Case::new(
        "det.other-seed",
        4,
        "Other seeds give other answers if the manifest says `stochastic`, and else never.",
        determinism::other_seed,
    ),
    Case::new(
        "det.no-ambient",
        5,
        "A second later, with another home, locale, zone and user, it answers the same.",
        determinism::no_ambient,
    ),
    Case::new(
        "state.round-trip",
        2,
        "Saved, and loaded in another process, it goes on as if never stopped.",
        state::round_trip,
    ),
    Case::new("state.empty", 3, "No bytes to load do no harm.", state::empty),
    Case::new(
        "state.random",
        3,
        "Random bytes to load do no harm, and do not pass for a state (warning).",
        state::random,
    ),
    Case::new(
        "state.truncated",
        3,
        "A state that is cut short is refused, and does no harm.",
        state::truncated,
    ),
    Case::new(
        "state.future-schema",
        3,
        "A state that a later version might have written does no harm.",
        state::future_schema,
    ),
    Case::new(
        "state.binary",
        5,
        "Saved, loaded and saved again, it gives the same bytes.",
        state::binary,
    ),
    Case::new(
        "run.hang",
        1,
        "A query comes back before the deadline and does not end its process.",
        run_cases::hang,
    )
    .needs(Stage::Created),
    Case::new(
        "run.panic-guard",
        1,
        "A panic becomes an error with file and line, and the strategy is not called again.",
        run_cases::panic_guard,
    ),
    Case::new(
        "run.cancel",
        2,
        "When the user stops, it ends within a second, and the next query works.",
        run_cases::cancel,
    ),
    Case::new(
        "run.service-error",
        2,
        "When a request fails, it passes the error on, and the next query works.",
        run_cases::service_error,
    ),
    Case::new(
        "run.service-missing",
        2,
        "When the host lacks a need, it passes the error on, and the next query works.",
        run_cases::service_missing,
    ),
    Case::new(
        "run.stdout",
        3,
        "It prints nothing on standard output, and nothing on standard error (warning).",
        run_cases::stdout,
    ),
    Case::new(
        "run.threads",
        6,
        "Instances in four threads at once answer as if each were alone.",
        run_cases::threads,
    ),
    Case::new(
        "run.leaks",
        8,
        "A hundred instances leave no memory behind; valgrind, if there, finds none lost.",
        tools::leaks,
    )
    .seconds(180)
    .unlimited(),
    Case::new(
        "run.asan",
        9,
        "Its unit tests pass under the address sanitizer, given source and nightly compiler.",
        tools::asan,
    )
    .seconds(900)
    .unlimited(),
    Case::new(
        "fuzz",
        6,
        "Two hundred random calls, on up to four instances, are all answered soundly.",
        fuzz::fuzz,
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_grouped_and_meanings_are_sentences() {
        let mut seen = HashSet::new();
        let mut groups: Vec<&str> = Vec::new();
        for case in CASES {
            assert!(seen.insert(case.id), "{} twice", case.id);
            assert!((1..=9).contains(&case.level), "{}", case.id);
            assert!(case.meaning.ends_with('.') && !case.meaning.contains('|'), "{}", case.meaning);
            let group = case.id.split('.').next().unwrap();
            if groups.last() != Some(&group) {
                assert!(!groups.contains(&group), "{} stands apart from its group", case.id);
                groups.push(group);
            }
        }
        assert!(find("select.count").unwrap().is_called("select"));
        assert!(!find("select.count").unwrap().is_called("sel"));
    }
}
