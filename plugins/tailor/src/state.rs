//! What is carried from round to round, as JSON.

use alhost_plugin_api::{DocId, Error, Result};
use serde::{Deserialize, Serialize};

use crate::beliefs::Beliefs;

/// Changes with the meaning of what is written.
const VERSION: u32 = 1;

/// Beliefs before the labels of the batch are known, and the batch: texts, each with its arm.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    beliefs: Beliefs,
    batch: Vec<(u32, usize)>,
}

/// What a state must fit.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub n_arms: usize,
    pub n_labels: usize,
    pub n_texts: usize,
}

/// The state as bytes.
pub fn write(beliefs: &Beliefs, batch: &[(DocId, usize)]) -> Result<Vec<u8>> {
    let batch = batch.iter().map(|&(text, arm)| (text.0, arm)).collect();
    let saved = Saved { version: VERSION, beliefs: beliefs.clone(), batch };
    serde_json::to_vec(&saved).map_err(|error| Error::new(error.to_string()))
}

/// Beliefs and batch from what [`write`] gave. People may have added labels since, which begin as all labels do.
///
/// # Errors
/// The bytes are no such state, or one of other strategies or other data.
pub fn read(state: &[u8], shape: &Shape) -> Result<(Beliefs, Vec<(DocId, usize)>)> {
    let broken = |why: String| {
        Error::new(format!(
            "the saved state does not fit: {why}\n\
             hint: it is of another run, or the strategies have changed since it was saved"
        ))
    };
    let saved: Saved = serde_json::from_slice(state).map_err(|error| broken(error.to_string()))?;
    let Saved { version, beliefs, batch } = saved;
    if version != VERSION {
        return Err(broken(format!("it is of version {version}, not {VERSION}")));
    }
    let n_known = beliefs.n_labels().min(shape.n_labels);
    if let Some(why) = beliefs.misfit(shape.n_arms, n_known) {
        return Err(broken(why));
    }
    let is_wrong =
        |&(text, arm): &(u32, usize)| text as usize >= shape.n_texts || arm >= shape.n_arms;
    if let Some((text, arm)) = batch.iter().find(|pick| is_wrong(pick)) {
        return Err(broken(format!("strategy {arm} is said to have picked text {text}")));
    }
    Ok((
        beliefs.grown(shape.n_labels),
        batch.into_iter().map(|(text, arm)| (DocId(text), arm)).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { n_arms: 2, n_labels: 3, n_texts: 9 };

    fn saved() -> (Beliefs, Vec<(DocId, usize)>) {
        let seen: [(usize, &[u32]); 1] = [(1, &[0, 2])];
        (Beliefs::even(2, 3).after(0.9, seen.into_iter()), vec![(DocId(8), 1), (DocId(0), 0)])
    }

    #[test]
    fn what_was_written_is_read() {
        let (beliefs, batch) = saved();
        let bytes = write(&beliefs, &batch).unwrap();
        assert_eq!(read(&bytes, &SHAPE), Ok((beliefs, batch)));
    }

    #[test]
    fn labels_that_were_added_since_begin_as_all_do() {
        let (beliefs, batch) = saved();
        let bytes = write(&beliefs, &batch).unwrap();
        let (read, _) = read(&bytes, &Shape { n_labels: 5, ..SHAPE }).unwrap();
        for arm in 0..2 {
            let expected = beliefs.of(arm).chain([(1.0, 1.0); 2]);
            assert!(read.of(arm).eq(expected), "{read:?}");
        }
    }

    #[test]
    fn no_part_of_a_state_is_a_state() {
        let (beliefs, batch) = saved();
        let bytes = write(&beliefs, &batch).unwrap();
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len], &SHAPE).is_err(), "{len} bytes");
        }
        assert!(read(&[&bytes[..], &bytes[..]].concat(), &SHAPE).is_err());
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let (beliefs, batch) = saved();
        let text = String::from_utf8(write(&beliefs, &batch).unwrap()).unwrap();
        let check = |text: &str, shape: Shape, why: &str| {
            let error = read(text.as_bytes(), &shape).unwrap_err();
            assert!(error.message().contains(why), "{error}");
        };
        check(&text, Shape { n_arms: 3, ..SHAPE }, "`a` is of 2 strategies, not 3");
        check(&text, Shape { n_labels: 2, ..SHAPE }, "`a` is of 3 labels, not 2");
        let uneven = text.replacen("[1.9,0.9,1.9]", "[1.9,0.9]", 1);
        assert_ne!(text, uneven);
        check(&uneven, SHAPE, "`a` is of 2 labels, not 3");
        check(&text, Shape { n_texts: 8, ..SHAPE }, "strategy 1 is said to have picked text 8");
        check(&text.replace("[8,1]", "[8,2]"), SHAPE, "strategy 2 is said to have picked text 8");
        check(&text.replace("0.9", "-0.9"), SHAPE, "is -0.9 somewhere");
        check(&text.replace("0.9", "1e999"), SHAPE, "out of range");
        check(&text.replace("0.9", "null"), SHAPE, "invalid type: null");
        check(&text.replace("\"version\":1", "\"version\":2"), SHAPE, "it is of version 2, not 1");
        check(&text.replace("version", "age"), SHAPE, "unknown field `age`");
        check("\u{fffd}", SHAPE, "expected value");
    }
}
