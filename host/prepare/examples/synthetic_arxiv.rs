//! Writes an arXiv dump that looks like Kaggle's, of a given size, to measure preparation with.
//!
//! `cargo run -p alhost-prepare --example synthetic_arxiv -- FOLDER MEGABYTES` writes
//! `FOLDER/arxiv-metadata-oai-snapshot.json`; the same size gives the same bytes. Words follow
//! Zipf's law, so that it compresses about as real abstracts do.

use std::env::args;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::json;

/// Steele and Vigna's `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Draws a number below `n`, the number k about in proportion to 1 / (k + 1).
    fn zipf(&mut self, n: f64) -> usize {
        let uniform = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (n.powf(uniform) - 1.0) as usize
    }
}

const N_WORDS: usize = 60_000;
const ARCHIVES: [&str; 8] =
    ["astro-ph", "cond-mat", "cs", "eess", "math", "physics", "q-bio", "stat"];
const MONTHS: [&str; 4] = ["Jan", "Apr", "Jul", "Oct"];

fn main() -> std::io::Result<()> {
    let args: Vec<String> = args().skip(1).collect();
    let [folder, megabytes] = &args[..] else {
        return Err(std::io::Error::other("expected a folder and a number of megabytes"));
    };
    let size: u64 = megabytes.parse().map_err(std::io::Error::other)?;
    fs_err::create_dir_all(folder)?;
    let path = Path::new(folder).join("arxiv-metadata-oai-snapshot.json");
    let mut file = BufWriter::new(fs_err::File::create(path)?);
    let mut random = Random(1);
    let words: Vec<String> = (0..N_WORDS).map(|_| word(&mut random)).collect();
    let mut n_bytes = 0;
    for number in 0_u64.. {
        let line = paper(number, &words, &mut random);
        file.write_all(line.as_bytes())?;
        n_bytes += line.len() as u64;
        if n_bytes >= size * 1_000_000 {
            break;
        }
    }
    file.flush()
}

fn word(random: &mut Random) -> String {
    (0..2 + random.below(9)).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
}

/// Some 1.6 kB, of which title and abstract are about two thirds, as in the real dump.
fn paper(number: u64, words: &[String], random: &mut Random) -> String {
    let title = text(8, words, random);
    let summary = format!("  {}\n", text(100 + random.below(120) as usize, words, random));
    let year = 2007 + number / 100_000;
    let month = MONTHS[(number / 25_000 % 4) as usize];
    let created = format!("Mon, {} {month} {year} 19:18:42 GMT", 1 + number % 28);
    let paper = json!({
        "id": format!("{:02}{:02}.{:05}", year % 100, 1 + number / 25_000 % 12, number % 25_000),
        "submitter": "A. Author", "authors": text(6, words, random), "title": title,
        "comments": "37 pages, 15 figures; published version", "journal-ref": null,
        "doi": format!("10.1103/PhysRevD.{number}"), "report-no": null,
        "categories": categories(random), "license": null, "abstract": summary,
        "versions": [{"version": "v1", "created": created}],
        "update_date": format!("{year}-11-26"),
        "authors_parsed": [["Author", "A.", ""], ["Balázs", "C.", ""], ["Berger", "E. L.", ""]],
    });
    format!("{paper}\n")
}

fn text(n_words: usize, words: &[String], random: &mut Random) -> String {
    let mut text = String::new();
    for at in 0..n_words {
        // Wrapped, as the real ones are.
        let gap = if at % 12 == 11 { "\n" } else { " " };
        text += &words[random.zipf(N_WORDS as f64)];
        text += gap;
    }
    text
}

fn categories(random: &mut Random) -> String {
    let codes: Vec<String> = (0..=random.zipf(4.0))
        .map(|_| {
            let archive = ARCHIVES[random.zipf(8.0)];
            let subject = char::from(b'A' + random.zipf(20.0) as u8);
            format!("{archive}.{subject}{subject}")
        })
        .collect();
    codes.join(" ")
}
