//! Writes runs as TensorBoard reads them: a file of events a run, at most a scalar a number of a
//! round.
//!
//! The format is TFRecord (length, its checksum, data, its checksum) around protobuf messages
//! `Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }`,
//! `Summary { repeated Value value = 1; }`, `Value { string tag = 1; float simple_value = 2; }`
//! (tensorflow/core/util/event.proto, framework/summary.proto). A step is a number of labeled texts,
//! and the time is what the run's phases took so far, as the record knows no other.

use std::path::{Path, PathBuf};

use alhost_base::text::file_name;
use alhost_record::{Records, RoundRecord};

use super::error::ReportError;
use super::metric::Metric;
use crate::collect::run_name;

/// Writes one folder a run below `out`, for runs that are not finished too; called again, it brings
/// the files up to date. Gives back how many there are.
pub fn export(paths: &[PathBuf], out: &Path) -> Result<usize, ReportError> {
    let mut n = 0;
    for path in paths {
        for run in alhost_record::find(path)? {
            let records = alhost_record::read(&run)?;
            let folder = out.join(name(&run, &records));
            fs_err::create_dir_all(&folder)?;
            fs_err::write(folder.join(FILE), events(&records))?;
            n += 1;
        }
    }
    if n == 0 {
        return Err(ReportError::NoRuns { paths: paths.to_vec() });
    }
    Ok(n)
}

/// TensorBoard takes every file with `tfevents` in its name.
const FILE: &str = "events.out.tfevents.0000000000.alhost";

/// Returns the run's name in TensorBoard's list, such as `demo/alps/seed-1`. What the record says
/// is a name, never a path.
fn name(path: &Path, records: &Records) -> PathBuf {
    let manifest = &records.manifest;
    let set = file_name(&run_name(path, manifest));
    Path::new(&set).join(file_name(&manifest.strategy)).join(format!("seed-{}", manifest.seed))
}

fn events(records: &Records) -> Vec<u8> {
    let mut file = Vec::new();
    let mut first = wall_time(0.0);
    text(3, "brain.Event:2", &mut first);
    write_record(&first, &mut file);
    let mut elapsed = 0.0;
    for round in &records.rounds {
        elapsed += round.cost.seconds.total();
        let mut event = wall_time(elapsed);
        event.push(2 << 3);
        varint(round.labeled as u64, &mut event);
        bytes(5, &summary(round), &mut event);
        write_record(&event, &mut file);
    }
    file
}

fn summary(round: &RoundRecord) -> Vec<u8> {
    let mut summary = Vec::new();
    let mut scalar = |tag: &str, value: Option<f64>| {
        let Some(value) = value else { return };
        let mut message = Vec::new();
        text(1, tag, &mut message);
        message.push(2 << 3 | 5); // a float, four bytes
        message.extend((value as f32).to_le_bytes());
        bytes(1, &message, &mut summary);
    };
    for metric in Metric::all() {
        scalar(&format!("test/{metric}"), metric.of(round));
    }
    scalar("labeled/class_coverage", Some(round.class_coverage as f64));
    let acquired = round.acquired.as_ref();
    scalar("labeled/label_entropy", acquired.map(|acquired| acquired.label_entropy));
    scalar("train/threshold", round.thresholds.used);
    scalar("train/epochs", Some(round.epochs as f64));
    scalar("train/loss", round.losses.last().copied());
    scalar("train/dev_score", round.dev_score);
    let seconds = &round.cost.seconds;
    scalar("seconds/train", Some(seconds.train));
    scalar("seconds/dev", Some(seconds.dev));
    scalar("seconds/test", Some(seconds.test));
    scalar("seconds/features", Some(seconds.features));
    scalar("seconds/select", Some(seconds.select));
    summary
}

/// Begins an event with its time, a double of eight bytes.
fn wall_time(seconds: f64) -> Vec<u8> {
    let mut event = vec![1 << 3 | 1];
    event.extend(seconds.to_le_bytes());
    event
}

fn text(field: u8, text: &str, to: &mut Vec<u8>) {
    bytes(field, text.as_bytes(), to);
}

/// Writes a field that says its length.
fn bytes(field: u8, content: &[u8], to: &mut Vec<u8>) {
    to.push(field << 3 | 2);
    varint(content.len() as u64, to);
    to.extend_from_slice(content);
}

/// Writes a number, seven bits a byte, the lowest first.
fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn write_record(data: &[u8], to: &mut Vec<u8>) {
    let length = (data.len() as u64).to_le_bytes();
    to.extend(length);
    to.extend(masked(crc32c::crc32c(&length)).to_le_bytes());
    to.extend_from_slice(data);
    to.extend(masked(crc32c::crc32c(data)).to_le_bytes());
}

/// Masks a checksum as TFRecord does, so that a checksum of data with checksums in it stays one.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_seven_bits_a_byte() {
        let check = |value: u64, expected: &[u8]| {
            let mut bytes = Vec::new();
            varint(value, &mut bytes);
            assert_eq!(bytes, expected, "{value}");
        };
        check(0, &[0]);
        check(127, &[127]);
        check(300, &[0xac, 2]);
        check(2000, &[0xd0, 15]);
    }

    /// Checks an event of version 2 at time 0, as `tf.summary` writes it.
    #[test]
    fn a_record_has_length_and_checksums() {
        let mut event = wall_time(0.0);
        text(3, "brain.Event:2", &mut event);
        let mut file = Vec::new();
        write_record(&event, &mut file);
        assert_eq!(file.len(), 8 + 4 + 24 + 4);
        assert_eq!(file[..8], [24, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&file[12 + 11..36], b"brain.Event:2");
    }
}
