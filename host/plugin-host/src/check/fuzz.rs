//! Any calls in any order: created, asked, saved, loaded, cancelled, disappointed, dropped.

use alhost_plugin_api::Rng;
use alhost_plugin_api::testing::StandIn;

use super::contract::sound_or_error;
use super::hosts::{self, N_LABELS, N_TEXTS};
use super::subject::{Instance, Subject, is_panic};
use super::verdict::{Checked, Problem, demand};

const STEPS: usize = 200;

pub(super) fn fuzz(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let mut rng = hosts::rng(subject.seed, "fuzz");
    let mut instances: Vec<Instance> = vec![subject.instance(&library)?];
    let mut states: Vec<Vec<u8>> = Vec::new();
    for step in 0..STEPS {
        let which = rng.below(instances.len());
        let when = |what: &str| format!("step {step} ({what}) of instance {which}");
        match rng.below(10) {
            0 if instances.len() < 4 => instances.push(subject.instance(&library)?),
            1 if instances.len() > 1 => drop(instances.remove(which)),
            2 => match instances[which].save() {
                Ok(state) => states.push(state),
                Err(error) => return Err(Problem::Fail(format!("{}: {error}", when("save")))),
            },
            3 => {
                if let Some(state) = states.last().filter(|state| !state.is_empty())
                    && let Err(error) = instances[which].load(state)
                {
                    demand(!is_panic(&error), || format!("{}: {error}", when("load")))?;
                }
            }
            _ => {
                let (host, n) = (any_host(&mut rng), rng.below(30));
                let what = format!("select {n} of {}", host.context().pool().len());
                sound_or_error(&mut instances[which], &host, n, &when(&what))?;
            }
        }
    }
    Ok(())
}

/// Some texts labeled, with some labels; and sometimes a host in trouble.
fn any_host(rng: &mut Rng) -> StandIn {
    let n_labeled = rng.below(N_TEXTS + 1);
    let ids: Vec<u32> =
        rng.sample(N_TEXTS, n_labeled).into_iter().map(|text| text as u32).collect();
    let host = hosts::labeled(StandIn::new(N_TEXTS, N_LABELS), &ids)
        .round(rng.below(50) as u32)
        .seed(rng.below(256) as u8)
        .threshold(rng.f64() as f32)
        .quick();
    match rng.below(6) {
        0 => host.failing_at(rng.below(4)),
        1 => host.cancelled_after(rng.below(3)),
        2 => host.untrained(),
        _ => host,
    }
}
