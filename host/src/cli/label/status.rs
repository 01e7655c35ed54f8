//! `alhost label status`: how far a project is.

use std::process::ExitCode;

use alhost_label::progress::{Progress, Round};

use super::super::tables::{align, new_table};
use super::super::terminal::{print_json, say};
use super::StatusArgs;

pub(super) fn status(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let progress = args.project.look()?.progress();
    if args.json {
        print_json(&progress)?;
        return Ok(ExitCode::SUCCESS);
    }
    say!(
        "{} of {} texts labeled, {} skipped; {} of {} in the batch",
        progress.answered,
        progress.of,
        progress.skipped,
        progress.batch.done,
        progress.batch.of
    );
    say!("{} of {} labels given", progress.labels_seen, progress.n_labels);
    if let Some(seconds) = progress.seconds_a_text {
        say!("{seconds:.0} s a text (median)");
    }
    rounds(&progress);
    people(&progress);
    let has_begun = progress.batch.of > 0 || !progress.rounds.is_empty();
    let nothing = "Nothing is chosen yet; `label serve` and `label next` begin.";
    let next = if has_begun { progress.next.as_str() } else { nothing };
    say!("{next}");
    if let Some(expected) = &progress.stop {
        say!("{expected}");
    }
    Ok(ExitCode::SUCCESS)
}

fn rounds(progress: &Progress) {
    if progress.rounds.is_empty() {
        return;
    }
    let mut table = new_table();
    table.set_header(["trained on", "judged on", "micro-F1", "95% interval"]);
    for Round { labeled, audited, micro_f1, low, high } in &progress.rounds {
        let number =
            |value: &Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
        let interval = match (low, high) {
            (Some(low), Some(high)) => format!("{low:.3} to {high:.3}"),
            _ => "-".to_owned(),
        };
        table.add_row([labeled.to_string(), audited.to_string(), number(micro_f1), interval]);
    }
    align(&mut table);
    say!("{table}");
}

fn people(progress: &Progress) {
    for person in &progress.people {
        let seconds = person.seconds_a_text.map_or(String::new(), |s| format!(", {s:.0} s a text"));
        say!("{}: {} labeled, {} skipped{seconds}", person.who, person.answered, person.skipped);
    }
    if let Some(agreement) = &progress.agreement {
        let alpha = agreement.overall.map_or("none".to_owned(), |alpha| format!("{alpha:.2}"));
        say!("agreement on {} texts: Krippendorff's alpha {alpha}", agreement.texts);
    }
}
