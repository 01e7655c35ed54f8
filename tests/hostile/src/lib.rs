//! A strategy that misbehaves on request, for the host's tests: each fault is a choice of the
//! parameter `fault`. Without one it is a sound strategy that carries state from round to round.
#![expect(unsafe_code, reason = "one of the faults is to write where there is no memory")]
#![allow(clippy::exit, clippy::print_stdout, reason = "faults")]

mod at_load;
mod faults;
mod limits;

use alhost_plugin_api::prelude::*;

#[derive(Params)]
struct HostileParams {
    /// What goes wrong.
    #[param(default = "none")]
    fault: Fault,
    /// The first query in which it goes wrong.
    #[param(default = 1, min = 0, max = 1000)]
    from_round: u32,
}

#[derive(Clone, Copy, Choice, Eq, PartialEq)]
enum Fault {
    None,
    ErrorInNew,
    PanicInNew,
    PanicInSelect,
    PanicInDrop,
    Repeat,
    Outside,
    Labeled,
    TooFew,
    TooMany,
    BadScore,
    Undeclared,
    UnknownText,
    /// Ends the process, or keeps it busy: only a worker of its own survives these.
    Segfault,
    Abort,
    Exit,
    Hang,
    Eat,
    Stack,
    Print,
    HangInNew,
    // See `limits`.
    BigState,
    Children,
    Daemon,
    Floods,
    LongError,
    PrintsLines,
    Secrets,
    StreamSlowly,
    TalkCancelled,
    TalkLog,
    TalkProgress,
    /// No fault: reads every logit of the pool, for benchmarks.
    ReadAll,
    // One for each conformance case that none of the others fails; see `faults`.
    AtTheBound,
    Between,
    ByPosition,
    DeadParameter,
    Deaf,
    EmptyPool,
    EmptyText,
    ForNothing,
    Forgets,
    GlobalState,
    HashOrder,
    JunkEnv,
    LabelsOfAll,
    Leaks,
    LoadAny,
    LoadEmpty,
    LoadLong,
    LoadShort,
    MoreThanAll,
    NeedsLabels,
    NoSpread,
    OneAtATime,
    OneClass,
    OneInstance,
    OneLeft,
    PanicTwice,
    Peeks,
    Quadratic,
    SaveCounts,
    Saturated,
    SeesOthers,
    TimeZone,
    Tires,
    Unwraps,
    UnwrapsMissing,
    UnwrapsNan,
    WritesInput,
}

struct Hostile {
    params: HostileParams,
    /// Queries answered so far, also before a restart.
    answered: u32,
}

impl Strategy for Hostile {
    type Params = HostileParams;

    fn new(params: Self::Params, env: &Env<'_>) -> Result<Self> {
        match params.fault {
            Fault::JunkEnv => assert!(env.n_texts > 0, "no texts"),
            Fault::OneInstance => faults::claim_the_only_instance()?,
            _ => {}
        }
        match params.fault {
            Fault::ErrorInNew => Err("refused to start, as asked".into()),
            Fault::PanicInNew => panic!("panicked in new, as asked"),
            Fault::HangInNew => loop {
                std::thread::sleep(std::time::Duration::from_millis(10));
            },
            _ => Ok(Self { params, answered: 0 }),
        }
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        if self.params.fault != Fault::DeadParameter {
            ctx.info(&format!("faults begin in round {}", self.params.from_round));
        }
        limits::strain(self.params.fault, ctx)?;
        if let Some(selection) = faults::instead(self, ctx, n)? {
            return Ok(selection);
        }
        let mut selection = self.sound(ctx, n);
        self.answered += 1;
        if ctx.round() < self.params.from_round {
            return Ok(selection);
        }
        let ids = &mut selection.ids;
        match self.params.fault {
            Fault::PanicInSelect => panic!("panicked in select, as asked"),
            Fault::Repeat => ids[0] = ids[n - 1],
            Fault::Outside => ids[0] = DocId(ctx.n_texts() as u32),
            Fault::Labeled => ids[0] = ctx.labeled().ids()[0],
            Fault::TooFew => drop(ids.pop()),
            Fault::TooMany => ids.push(ids[0]),
            Fault::BadScore => selection.scores = Some(vec![f64::NAN; n]),
            Fault::Undeclared => drop(ctx.probabilities(ctx.pool())?),
            Fault::UnknownText => drop(ctx.logits(&[DocId(u32::MAX)])?),
            Fault::Segfault => write_to_nowhere(),
            Fault::Abort => std::process::abort(),
            Fault::Exit => std::process::exit(7),
            Fault::Hang => loop {
                std::thread::sleep(std::time::Duration::from_millis(10));
            },
            Fault::Eat => eat(),
            Fault::Stack => selection.ids[0].0 = overflow(n as u32),
            Fault::Print => println!("printed by the plugin"),
            Fault::ReadAll => selection = lowest_sums(ctx, n)?,
            _ => {}
        }
        Ok(selection)
    }

    fn save(&self) -> Result<Vec<u8>> {
        Ok(faults::saved(self.params.fault, self.answered))
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        self.answered = faults::loaded(self.params.fault, state)?;
        Ok(())
    }
}

impl Hostile {
    /// A random choice that depends on the state, so that a lost state shows in the selections.
    fn sound(&self, ctx: &Context<'_>, n: usize) -> Selection {
        let salt = faults::salt(self.params.fault);
        let mut rng = ctx.rng(&format!("query {}{salt}", self.answered));
        let places = rng.sample(ctx.pool().len(), n);
        Selection::ranked(places.into_iter().map(|place| ctx.pool()[place]).collect())
    }
}

fn lowest_sums(ctx: &Context<'_>, n: usize) -> Result<Selection> {
    let logits = ctx.logits(ctx.pool())?;
    let sums = logits.rows().map(|row| f64::from(row.iter().sum::<f32>()));
    Ok(Selection::lowest(ctx.pool(), sums, n))
}

fn write_to_nowhere() {
    // SAFETY: none; the fault is wanted.
    unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) }
}

fn eat() {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(vec![1; 16 << 20]);
    }
}

#[expect(unconditional_recursion, reason = "the fault is wanted")]
fn overflow(n: u32) -> u32 {
    let room = std::hint::black_box([n; 1024]);
    overflow(room[7].wrapping_add(1)) + room[9]
}

impl Drop for Hostile {
    fn drop(&mut self) {
        if self.params.fault == Fault::OneInstance {
            faults::give_up_the_only_instance();
        }
        assert!(self.params.fault != Fault::PanicInDrop, "panicked in drop, as asked");
    }
}

export_strategy!(
    Hostile,
    id = "hostile",
    summary = "misbehaves on request; for tests only",
    needs = [LOGITS, TEXT],
    stochastic = true,
);
