//! What people answer in a tool comes back as they gave it: labels, ids, texts, skips, both people.

use alhost_exchange::{Format, Imported, export, import};
use proptest::prelude::*;

use crate::case::{Case, Given, Told, case, expected, told};
use crate::models::{self, Files};
use crate::studio;

/// What must come back of what was given: `keeps` says which answers the format has.
fn all_of(
    case: &Case,
    has_people: bool,
    has_times: bool,
    keeps: impl Fn(&Given) -> bool,
) -> Vec<Told> {
    let mut all = Vec::new();
    for (task, given) in case.answered() {
        let kept = given.iter().filter(|given| keeps(given));
        all.extend(kept.map(|given| expected(task, given, has_people, has_times)));
    }
    all
}

fn written(format: Format, case: &Case) -> Files {
    export(format, &case.tasks, &case.labels, &case.project).unwrap()
}

fn imported(case: &Case, bytes: &[u8], format: Format) -> Imported {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exported");
    fs_err::write(&path, bytes).unwrap();
    let imported = import(&path, None, &case.labels).unwrap();
    assert_eq!(imported.format, format);
    assert_eq!(imported, import(&path, Some(format), &case.labels).unwrap());
    imported
}

/// Checks that all answers came back, or that those left out were left out as unclear.
fn check(case: &Case, bytes: &[u8], format: Format, mut answers: Vec<Told>) -> Imported {
    let imported = imported(case, bytes, format);
    let unclear =
        |why: &str| why.contains("one label or several") || why.contains("in several ways");
    let lost = imported.rejected.iter().find(|(_, why)| !unclear(why));
    assert!(lost.is_none(), "{lost:?}");
    let back: Vec<Told> = imported.answers.iter().map(told).collect();
    assert_eq!(answers.len(), back.len() + imported.rejected.len());
    if !imported.rejected.is_empty() {
        answers.retain(|answer| back.contains(answer));
    }
    assert_eq!(back, answers);
    if !back.is_empty() {
        assert_eq!(imported.project.as_deref(), Some(case.project.as_str()));
    }
    imported
}

fn n_unanswered(case: &Case) -> usize {
    case.given.iter().filter(|given| given.is_empty()).count()
}

fn is_kept(given: &Given) -> bool {
    !given.skipped
}

/// Without names that cannot be paths, where names are paths.
fn for_studio(case: Case) -> Option<Case> {
    let separator = case.labels.separator.clone();
    let case = case.without(|name| {
        separator
            .as_ref()
            .is_some_and(|separator| name.split(separator.as_str()).any(str::is_empty))
    });
    Some(case).filter(|case| !case.labels.names.is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn label_studio_gives_back_what_was_answered(case in case()) {
        let Some(case) = for_studio(case) else { return Ok(()) };
        let files = written(Format::LabelStudio, &case);
        let offered = studio::offered(&files);
        for name in &case.labels.names {
            let path: Vec<String> = match &case.labels.separator {
                Some(separator) => name.split(separator.as_str()).map(str::to_owned).collect(),
                None => vec![name.clone()],
            };
            prop_assert_eq!(offered.iter().filter(|offered| **offered == path).count(), 1);
        }
        let tasks = studio::annotated(&files, &case);
        let json = serde_json::to_vec(&tasks).unwrap();
        let back = check(&case, &json, Format::LabelStudio, all_of(&case, true, true, |_| true));
        prop_assert_eq!((back.unanswered, back.rejected.len()), (n_unanswered(&case), 0));

        let records = studio::minimal(&tasks);
        if records.is_empty() {
            return Ok(());
        }
        let kept = all_of(&case, true, true, is_kept);
        let json = serde_json::to_vec(&records).unwrap();
        let back = check(&case, &json, Format::LabelStudio, kept.clone());
        prop_assert_eq!((back.unanswered, back.rejected.len()), (n_unanswered(&case), 0));
        let table = studio::table(&records);
        let back = check(&case, &table, Format::LabelStudio, kept);
        prop_assert_eq!(back.unanswered, n_unanswered(&case));
    }

    #[test]
    fn argilla_gives_back_what_was_answered(case in case()) {
        let files = written(Format::Argilla, &case);
        let flat = models::argilla_flat(&files, &case);
        let back = check(&case, &flat, Format::Argilla, all_of(&case, true, false, |_| true));
        prop_assert_eq!((back.unanswered, back.notes.len()), (n_unanswered(&case), 0));

        let kept = all_of(&case, true, false, is_kept);
        let has_any = !kept.is_empty();
        let back = check(&case, &models::argilla_disk(&files, &case), Format::Argilla, kept);
        prop_assert_eq!(back.notes.len(), usize::from(has_any));
    }

    #[test]
    fn doccano_gives_back_what_was_answered(case in case()) {
        let case = case.without(|name| name.trim() != name);
        if case.labels.names.is_empty() {
            return Ok(());
        }
        let files = written(Format::Doccano, &case);
        for person in [1, 2] {
            let exported = models::doccano(&files, &case, person);
            if exported.is_empty() {
                continue;
            }
            let kept = all_of(&case, false, false, |given| given.person == person && !given.skipped);
            let lines = models::doccano_lines(&exported);
            let back = check(&case, &lines, Format::Doccano, kept.clone());
            prop_assert_eq!(back.rejected.len(), 0);
            check(&case, &models::doccano_table(&exported), Format::Doccano, kept);
        }
    }

    #[test]
    fn prodigy_gives_back_what_was_answered(case in case()) {
        let files = written(Format::Prodigy, &case);
        let exported = models::prodigy(&files, &case);
        if !exported.is_empty() {
            check(&case, &exported, Format::Prodigy, all_of(&case, true, true, |_| true));
        }
    }

    #[test]
    fn our_own_formats_give_back_what_was_answered(case in case(), separator in prop::sample::select(vec![b',', b';', b'\t'])) {
        let files = written(Format::Jsonl, &case);
        let back = check(&case, &models::own_lines(&files, &case), Format::Jsonl, all_of(&case, true, true, |_| true));
        prop_assert_eq!((back.unanswered, back.rejected.len()), (n_unanswered(&case), 0));

        let files = written(Format::Csv, &case);
        let table = models::own_rows(&files, &case, separator);
        let back = check(&case, &table, Format::Csv, all_of(&case, true, false, |_| true));
        prop_assert_eq!((back.unanswered, back.rejected.len()), (n_unanswered(&case), 0));
    }

    #[test]
    fn what_went_out_and_comes_back_untouched_is_unanswered(case in case()) {
        for format in [Format::LabelStudio, Format::Argilla, Format::Prodigy, Format::Jsonl, Format::Csv] {
            let Some(case) = for_studio(case.clone()) else { return Ok(()) };
            let files = written(format, &case);
            // The tasks are the last file of each.
            let (_, tasks) = files.last().unwrap();
            let back = imported(&case, tasks, format);
            prop_assert_eq!((back.answers.len(), back.unanswered, back.rejected.len()), (0, case.tasks.len(), 0));
        }
    }
}
