//! Bars on a terminal, a line for what took over a second elsewhere, and the log between them.

use std::cell::Cell;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use alhost_base::progress::Progress;
use alhost_base::text;
use alhost_engine::grid::Standing;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use super::{OutputArgs, terminal};

/// Phases that are going on, the innermost last.
pub(super) struct Bars {
    all: MultiProgress,
    open: Mutex<Vec<Phase>>,
    level: Level,
    is_terminal: bool,
}

struct Phase {
    what: String,
    bar: ProgressBar,
    since: Instant,
}

impl Bars {
    pub(super) fn new(output: &OutputArgs) -> Self {
        let level = match (output.quiet, output.verbose) {
            (true, _) => Level::WARN,
            (false, 0) => Level::INFO,
            (false, 1) => Level::DEBUG,
            (false, _) => Level::TRACE,
        };
        let is_terminal = terminal::is_seen();
        Self { all: MultiProgress::new(), open: Mutex::default(), level, is_terminal }
    }

    /// Sends the log to standard error, around the bars.
    pub(super) fn log(&self) {
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(format!("alhost={}", self.level))
            .with_writer(Around(self.all.clone()))
            .with_ansi(false)
            .event_format(Plain)
            .finish();
        // A second call, as in tests, keeps the first one's.
        let _set = tracing::subscriber::set_global_default(subscriber);
    }

    fn with_open<T>(&self, f: impl FnOnce(&mut Vec<Phase>) -> T) -> T {
        f(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn bar(&self, total: u64) -> ProgressBar {
        if !self.is_terminal || self.level < Level::INFO {
            return ProgressBar::hidden();
        }
        let bar = self.all.add(ProgressBar::new(total));
        let template = if total > 0 {
            "{msg:>24} {wide_bar} {human_pos}/{human_len} {eta:>4}"
        } else {
            "{msg:>24} {spinner} {human_pos}"
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is right"));
        bar
    }
}

/// Shows how a bench stands: one bar on a terminal, a line when a cell has ended elsewhere.
pub(super) struct Standings {
    name: String,
    bar: Option<ProgressBar>,
    /// Finished and failed cells when a line was last written.
    told: Cell<(usize, usize)>,
}

impl Standings {
    pub(super) fn new(bars: &Bars, name: &str) -> Self {
        let shows = bars.is_terminal && bars.level >= Level::INFO;
        let bar = shows.then(|| {
            let bar = bars.all.add(ProgressBar::new(0));
            let template = "{wide_bar} {pos}/{len} rounds\n{msg}";
            bar.set_style(ProgressStyle::with_template(template).expect("the template is right"));
            bar
        });
        Self { name: name.to_owned(), bar, told: Cell::new((0, 0)) }
    }

    pub(super) fn tell(&self, standing: &Standing) {
        let Standing { cells, finished, failed, running, rounds, left } = standing;
        let left = left.map_or(String::new(), |left| format!(", {} left", minutes(left)));
        let n_running = running.len();
        let line = format!(
            "{}: {finished} of {cells} cells done, {n_running} running, {failed} failed{left}",
            self.name
        );
        match &self.bar {
            Some(bar) => {
                bar.set_length(rounds.1 as u64);
                bar.set_position(rounds.0 as u64);
                let running = text::in_line(&running.join("; ")).into_owned();
                bar.set_message(format!("{line}\n{running}"));
            }
            None if self.told.replace((*finished, *failed)) != (*finished, *failed) => {
                tracing::info!("{line}");
            }
            None => {}
        }
    }
}

impl Drop for Standings {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

pub(super) fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..100 => format!("{seconds} s"),
        seconds @ 100..6000 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

impl Progress for Bars {
    fn begin(&self, what: &str, total: u64) {
        let bar = self.bar(total);
        bar.set_message(text::in_line(what).into_owned());
        let phase = Phase { what: what.to_owned(), bar, since: Instant::now() };
        self.with_open(|open| open.push(phase));
    }

    fn advance(&self, by: u64) {
        self.with_open(|open| open.last().inspect(|phase| phase.bar.inc(by)).is_some());
    }

    fn at(&self, done: u64, total: u64) {
        let is_open = self.with_open(|open| open.last().is_some_and(|p| p.what == STRATEGY));
        if !is_open {
            self.begin(STRATEGY, total);
        }
        self.with_open(|open| open.last().inspect(|phase| phase.bar.set_position(done)).is_some());
        if done >= total {
            self.end();
        }
    }

    fn end(&self) {
        let Some(phase) = self.with_open(Vec::pop) else { return };
        phase.bar.finish_and_clear();
        let seconds = phase.since.elapsed().as_secs_f64();
        if !self.is_terminal && seconds > 1.0 {
            tracing::debug!("{} took {seconds:.1} s", phase.what);
        }
    }
}

/// The name of a strategy's own counting.
const STRATEGY: &str = "strategy";

/// Writes a line of the log above the bars.
struct Around(MultiProgress);

impl<'a> MakeWriter<'a> for Around {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.0.clone())
    }
}

struct Line(MultiProgress);

impl std::io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // Never an error, which tracing would print, and printing it would be a panic.
        self.0.suspend(|| terminal::tell(String::from_utf8_lossy(bytes).trim_end_matches('\n')));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The message alone; a warning says that it is one.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        if level <= Level::WARN {
            writer.write_str("warning: ")?;
        }
        ctx.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
