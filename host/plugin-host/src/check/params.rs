//! Cases about parameters: their declaration, their bounds, and whether they do anything.

use alhost_plugin_api::Rng;
use alhost_plugin_api::params::{Declared, resolve};
use alhost_plugin_api::testing::StandIn;
use serde_json::{Map, Value, json};

use super::contract::{sound, sound_or_error};
use super::hosts::{self, N_LABELS, N_TEXTS};
use super::subject::{Instance, Subject, is_panic};
use super::verdict::{Checked, Problem, demand};
use crate::loader::PluginLibrary;

pub(super) fn defaults_valid(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let blocks = |error: &dyn std::fmt::Display| Problem::Blocks(error.to_string());
    resolve(&library.manifest.parameters(), &Map::new()).map_err(|e| blocks(&e))?;
    let resolved = library.manifest.resolve_params(&subject.path, &subject.params);
    let params = resolved.map_err(|e| blocks(&e))?;
    create(&library, &params)
        .map(drop)
        .map_err(|error| blocks(&format!("it does not start: {error}")))
}

fn create(
    library: &PluginLibrary,
    params: &Map<String, Value>,
) -> Result<Instance, alhost_plugin_api::Error> {
    let params = Value::Object(params.clone()).to_string();
    Instance::create(library, &params, "checked", N_TEXTS, N_LABELS)
}

/// The parameters that nobody has set: these may be moved.
fn free(subject: &Subject, library: &PluginLibrary) -> Vec<Declared> {
    let mut declared = library.manifest.parameters();
    declared.retain(|param| !subject.params.contains_key(&param.name));
    declared
}

/// All parameters, one of them set to another value.
fn moved(base: &Map<String, Value>, name: &str, value: &Value) -> Map<String, Value> {
    let mut params = base.clone();
    params.insert(name.to_owned(), value.clone());
    params
}

pub(super) fn bounds(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let base = subject.resolved(&library)?;
    for param in free(subject, &library) {
        for value in corners(&param) {
            let when = format!("`{}` = {value}", param.name);
            let mut instance = create(&library, &moved(&base, &param.name, &value))
                .map_err(|e| Problem::Fail(format!("{when}, which is allowed, is refused: {e}")))?;
            sound(&mut instance, &hosts::ordinary(subject.seed), 10, &when)?;
        }
    }
    Ok(())
}

/// The ends of what is allowed, as far as they are declared.
fn corners(param: &Declared) -> Vec<Value> {
    let ends = [param.min, param.max].into_iter().flatten();
    match param.kind.as_str() {
        "integer" => ends.map(|end| json!(end as u64)).collect(),
        "number" => ends.map(|end| json!(end)).collect(),
        "boolean" => vec![json!(false), json!(true)],
        "choice" => param.choices.iter().map(|choice| json!(choice)).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn fuzz(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let base = subject.resolved(&library)?;
    let free = free(subject, &library);
    let mut rng = hosts::rng(subject.seed, "params.fuzz");
    for _ in 0..50 {
        let mut params = base.clone();
        for param in &free {
            if rng.below(2) == 0 {
                params.insert(param.name.clone(), random(param, &mut rng));
            }
        }
        let when = Value::Object(params.clone()).to_string();
        let mut instance = match create(&library, &params) {
            Ok(instance) => instance,
            // Values that are allowed one by one need not fit together.
            Err(error) if !is_panic(&error) => continue,
            Err(error) => return Err(Problem::Fail(format!("{when}: {error}"))),
        };
        let n = 1 + rng.below(20);
        sound_or_error(&mut instance, &hosts::ordinary(subject.seed), n, &when)?;
    }
    Ok(())
}

/// A value that is allowed, not far from the usual ones.
fn random(param: &Declared, rng: &mut Rng) -> Value {
    if param.default.is_null() && rng.below(3) == 0 {
        return Value::Null;
    }
    let default = param.default.as_f64().unwrap_or(0.0);
    let low = param.min.unwrap_or(if param.kind == "integer" { 0.0 } else { default - 1.0 });
    let high = param.max.unwrap_or(default.max(low) * 2.0 + 10.0);
    match param.kind.as_str() {
        "integer" => json!(low as u64 + rng.below((high - low).min(1000.0) as usize + 1) as u64),
        "number" => json!(low + (high - low) * rng.f64()),
        "boolean" => json!(rng.below(2) == 0),
        "choice" => json!(param.choices[rng.below(param.choices.len())]),
        _ => param.default.clone(),
    }
}

pub(super) fn reject(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let base = subject.resolved(&library)?;
    let refused = |name: &str, value: &Value| {
        let when = format!("`{name}` = {value}, which is not allowed,");
        match create(&library, &moved(&base, name, value)) {
            Ok(_) => Err(Problem::Fail(format!("{when} is taken"))),
            Err(error) => demand(!is_panic(&error) && error.message().contains(name), || {
                format!("{when} is refused without the parameter's name: {error}")
            }),
        }
    };
    refused("no-such-parameter", &json!(1))?;
    for param in library.manifest.parameters() {
        for value in wrong(&param) {
            refused(&param.name, &value)?;
        }
    }
    Ok(())
}

/// Values of another type, and just out of range.
fn wrong(param: &Declared) -> Vec<Value> {
    let mut wrong = vec![json!({}), json!([1])];
    if !param.default.is_null() {
        wrong.push(Value::Null);
    }
    match param.kind.as_str() {
        "integer" => {
            wrong.extend([json!(-1), json!(0.5), json!("1")]);
            wrong.extend(param.min.filter(|&min| min >= 1.0).map(|min| json!(min as u64 - 1)));
            wrong.extend(param.max.map(|max| json!(max as u64 + 1)));
        }
        "number" => {
            wrong.push(json!("1"));
            wrong.extend(param.min.map(|min| json!(min - 1.0)));
            wrong.extend(param.max.map(|max| json!(max + 1.0)));
        }
        "choice" => wrong.push(json!("no such choice")),
        _ => wrong.push(json!(1)),
    }
    wrong
}

pub(super) fn live(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let base = subject.resolved(&library)?;
    let usual = effect(subject, &library, &base);
    let mut dead = Vec::new();
    for param in free(subject, &library) {
        let is_live = tried(&param)
            .iter()
            .any(|value| effect(subject, &library, &moved(&base, &param.name, value)) != usual);
        if !is_live {
            dead.push(format!("`{}`", param.name));
        }
    }
    if dead.is_empty() {
        return Ok(());
    }
    let dead = dead.join(", ");
    Err(Problem::Warn(format!("no value tried of {dead} changes what it answers or asks for")))
}

/// Values to move a parameter to.
fn tried(param: &Declared) -> Vec<Value> {
    let mut values = corners(param);
    let in_range =
        |x: f64| param.min.is_none_or(|min| x >= min) && param.max.is_none_or(|m| x <= m);
    let default = param.default.as_f64().unwrap_or(1.0);
    let near = [0.0, 1.0, 2.0, 7.0, 15.0, 60.0, default + 1.0, default * 2.0, default / 2.0];
    let near = near.into_iter().filter(|&x| in_range(x));
    match param.kind.as_str() {
        "integer" => values.extend(near.map(|x| json!(x as u64))),
        "number" => values.extend(near.map(|x| json!(x))),
        "string" => values.extend([json!(""), json!("another")]),
        _ => {}
    }
    values.retain(|value| *value != param.default);
    values
}

/// All that can be seen from the outside: answers, errors, and what the host is asked for.
fn effect(subject: &Subject, library: &PluginLibrary, params: &Map<String, Value>) -> Vec<String> {
    let mut instance = match create(library, params) {
        Ok(instance) => instance,
        Err(error) => return vec![error.to_string()],
    };
    let seeds = [subject.seed, subject.seed + 1];
    let many = seeds.into_iter().flat_map(|seed| [(hosts::ordinary(seed), 10), (coarse(seed), 40)]);
    many.map(|(host, n)| {
        let answer = instance.select(&host, n).map_err(|error| error.to_string());
        format!("{answer:?} {:?} {:?}", host.requests(), host.logged())
    })
    .collect()
}

/// A host with many ties: everything in steps of a half, and a dozen kinds of texts.
fn coarse(seed: u64) -> StandIn {
    let mut rng = hosts::rng(seed, "coarse");
    let mut steps = |n: usize| (0..n).map(|_| (rng.normal() * 2.0).round() as f32 / 2.0).collect();
    let (logits, vectors) = (steps(N_TEXTS * N_LABELS), steps(N_TEXTS * 4));
    let kind = |text: usize| vec![(1, 1.0), (2 + text as u32 % 12, 2.0)];
    let losses: Vec<Vec<(u32, f32)>> = (0..N_TEXTS).map(kind).collect();
    hosts::ordinary(seed).logits(logits).vectors(vectors, 4).surprisal(&losses)
}

#[cfg(test)]
mod tests {
    use alhost_plugin_api::params::declared;

    use super::*;

    fn param(schema: &str) -> Declared {
        declared(&format!(r#"[{{"name":"p","help":"h",{schema}}}]"#)).unwrap().remove(0)
    }

    #[test]
    fn corners_and_random_values_are_allowed_and_wrong_ones_are_not() {
        let schemas = [
            r#""type":"integer","default":10,"min":1"#,
            r#""type":"integer","default":0,"min":0,"max":1000"#,
            r#""type":"number","default":0.15,"min":0.001,"max":1"#,
            r#""type":"number","min":1e-9"#,
            r#""type":"boolean","default":true"#,
            r#""type":"string","default":"a""#,
            r#""type":"choice","default":"a","choices":["a","b"]"#,
        ];
        let mut rng = hosts::rng(1, "test");
        for schema in schemas {
            let param = param(schema);
            let allows = |value: &Value| {
                let given = moved(&Map::new(), "p", value);
                resolve(std::slice::from_ref(&param), &given).is_ok()
            };
            let drawn: Vec<Value> = (0..200).map(|_| random(&param, &mut rng)).collect();
            for value in drawn.iter().chain(&corners(&param)).chain(&tried(&param)) {
                assert!(allows(value), "{schema}: {value}");
            }
            for value in wrong(&param) {
                assert!(!allows(&value), "{schema}: {value}");
            }
        }
    }
}
