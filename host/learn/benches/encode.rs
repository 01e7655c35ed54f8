//! Texts a second of the encoder: `cargo bench --bench encode -- FOLDER TEXTS.jsonl[.gz] THREADS`.
//!
//! It reads the first 1,000 texts, cut to 128 tokens. The baseline encodes them in file order, 32
//! at a time, padded to the longest, in f32, as the usual loop around a library does. Then comes
//! our way, sorted by length, in f32 and in bf16. On a machine that is busy with other things, the
//! rate by CPU time is the one to look at.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at the first thing that is wrong")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::Instant;

use alhost_base::ledger::{Notes, Work};
use alhost_base::progress::Silent;
use alhost_data::tokens::Tokens;
use alhost_learn::encoder::batch::{Batch, by_length};
use alhost_learn::encoder::bert::{Encoder, Weights};
use alhost_learn::surprisal::mlm_fit::{self, MlmFitOptions};
use alhost_learn::surprisal::{self, Sampling};
use alhost_learn::{Checkpoint, Places};
use tch::nn::VarStore;
use tch::{Device, Kind};

const TEXTS: usize = 1000;
const MAX_TOKENS: usize = 128;
const TOKEN_BUDGETS: [usize; 3] = [512, 1024, 4096];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [checkpoint, texts, threads] = arguments.as_slice() else {
        println!("nothing measured: name a checkpoint's folder, a file of texts and the threads");
        return;
    };
    tch::set_num_threads(threads.parse().unwrap());
    let checkpoint = Checkpoint::open(checkpoint, &Places::default()).unwrap();
    let tokens = tokenize(&checkpoint, Path::new(texts));
    let all: Vec<u32> = (0..tokens.len() as u32).collect();
    let n_tokens: usize = all.iter().map(|&row| tokens.row(row as usize).len()).sum();
    println!("{} texts, {:.1} tokens each", all.len(), n_tokens as f64 / all.len() as f64);

    let mut vs = VarStore::new(Device::Cpu);
    let encoder = Encoder::new(&vs.root(), &checkpoint.config);
    checkpoint.load_into(&mut vs);

    let in_order: Vec<Vec<u32>> = all.chunks(32).map(<[u32]>::to_vec).collect();
    let f32_weights = encoder.weights(Kind::Float);
    let bf16_weights = encoder.weights(Kind::BFloat16);
    let baseline = measure("file order, padded, f32", &f32_weights, &tokens, &in_order);
    for budget in TOKEN_BUDGETS {
        let sorted = by_length(&tokens, &all, budget);
        for weights in [&f32_weights, &bf16_weights] {
            let name = format!("sorted, {budget} tokens a batch, {:?}", weights.kind());
            let (wall, cpu) = measure(&name, weights, &tokens, &sorted);
            let (wall, cpu) = (wall / baseline.0, cpu / baseline.1);
            println!("    {wall:.2} times the baseline, {cpu:.2} by CPU time");
        }
    }
    fit_and_score(&checkpoint, &bf16_weights, &tokens, &all);
}

fn tokenize(checkpoint: &Checkpoint, path: &Path) -> Tokens {
    let file = fs_err::File::open(path).unwrap();
    let reader: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(flate2::read::GzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut rows = Vec::new();
    for line in BufReader::new(reader).lines().take(TEXTS) {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let encoding = checkpoint.tokenizer.encode(line["text"].as_str().unwrap(), true).unwrap();
        let mut ids = encoding.get_ids().to_vec();
        if ids.len() > MAX_TOKENS {
            ids.truncate(MAX_TOKENS - 1);
            ids.push(checkpoint.specials.separator);
        }
        rows.push(ids);
    }
    Tokens::from_rows(&rows, "bench")
}

/// Texts a second and a CPU second, the better of two passes.
fn measure(name: &str, weights: &Weights, tokens: &Tokens, batches: &[Vec<u32>]) -> (f64, f64) {
    let n_texts: usize = batches.iter().map(Vec::len).sum();
    let seconds = (0..2).map(|_| {
        let (start, start_cpu) = (Instant::now(), cpu_seconds());
        for rows in batches {
            let hidden_states = weights.forward(&Batch::new(tokens, rows, weights.device()));
            assert!(hidden_states.get(0).get(0).get(0).double_value(&[]).is_finite());
        }
        (start.elapsed().as_secs_f64(), cpu_seconds() - start_cpu)
    });
    let best = |(wall, cpu): (f64, f64), (a, b): (f64, f64)| (wall.min(a), cpu.min(b));
    let (wall, cpu) = seconds.fold((f64::INFINITY, f64::INFINITY), best);
    let (wall, cpu) = (n_texts as f64 / wall, n_texts as f64 / cpu);
    println!("{name}: {wall:.1} texts/s, {cpu:.1} a CPU second");
    (wall, cpu)
}

/// Reads the processor time of this process so far: fields 14 and 15 of `/proc/self/stat`, in
/// hundredths.
fn cpu_seconds() -> f64 {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

fn fit_and_score(checkpoint: &Checkpoint, weights: &Weights, tokens: &Tokens, rows: &[u32]) {
    let cache = tempfile::tempdir().unwrap();
    let options = MlmFitOptions { seed: 1, cache: cache.path() };
    let start = Instant::now();
    let notes = Notes::default();
    let work = Work { progress: &Silent, notes: &notes };
    let mlm = mlm_fit::open(checkpoint, weights, tokens, rows, options, work).unwrap();
    println!("{} in {:.1} s", mlm.source(), start.elapsed().as_secs_f64());

    let options = Sampling { probability: 0.15, strict: false, seed: 1, token_budget: 4096 };
    let start = Instant::now();
    let specials = checkpoint.specials;
    let surprisal = surprisal::compute(weights, &mlm, tokens, specials, rows, options, &Silent);
    let seconds = start.elapsed().as_secs_f64();
    let n = surprisal.losses.len();
    let mean = surprisal.losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / n as f64;
    println!("surprisal at {n} positions: mean {mean:.3} nats, in {seconds:.1} s");
}
