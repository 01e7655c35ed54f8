//! Texts a second of encoding and of fine-tuning, through the same calls as a run.
//!
//!     cargo bench -p alhost-learn --bench fine_tune -- --what linear --texts FILE.jsonl
//!
//! `--what encode|linear|cnn`, `--model minilm|base`, `--tokens 128`, `--batch 16`, `--steps N`, `--precision auto|bf16|f32`,
//! `--threads N`, `--epochs 1`, `--seed 1`, `--json`. MiniLM is read from the folder that `ALHOST_MINILM` names; `base` is BERT-base with
//! random weights and MiniLM's tokenizer, whose vocabulary is the same. Lines of the file have `text` and
//! `labels`. Loading and tokenizing come before the clock starts; the first two steps of a training and the
//! first encoding of some texts are not counted. What is printed is the mean of the steps; with `--json` it is
//! one line for programs, with the loss of each epoch.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at the first thing that is wrong")]
#![allow(clippy::disallowed_methods, reason = "ALHOST_MINILM names a folder of this machine")]

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use alhost_base::ledger::{Notes, Work};
use alhost_base::progress::{Progress, Silent};
use alhost_config::{EncoderMode, HeadKind, ModelConfig, Precision, TrainConfig};
use alhost_data::Labels;
use alhost_data::tokens::Tokens;
use alhost_learn::encoder::bert::Encoder;
use alhost_learn::{Checkpoint, Learner, Places};
use alhost_model::{Examples, Seeds, Wants};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

const WARM_UP: usize = 2;
const RATE: f64 = 5e-5;

struct Options(HashMap<String, String>);

impl Options {
    /// Reads `--name value` pairs; `--json` stands alone.
    fn read() -> Self {
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        let mut options = HashMap::new();
        while let Some(name) = arguments.next() {
            let name = name.trim_start_matches("--").to_owned();
            let value = if name == "json" { String::new() } else { arguments.next().unwrap() };
            options.insert(name, value);
        }
        Self(options)
    }

    fn get<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.0.get(name).map_or(default, String::as_str)
    }

    fn number(&self, name: &str, default: &str) -> usize {
        self.get(name, default).parse().unwrap()
    }
}

/// Remembers when each step was done.
#[derive(Default)]
struct Clock(Mutex<Vec<(Instant, u64)>>);

impl Progress for Clock {
    fn begin(&self, _: &str, _: u64) {
        self.advance(0);
    }

    fn advance(&self, by: u64) {
        self.0.lock().unwrap().push((Instant::now(), by));
    }

    fn at(&self, _: u64, _: u64) {}

    fn end(&self) {}
}

fn main() {
    let options = Options::read();
    let (Some(texts), Ok(minilm)) = (options.0.get("texts"), std::env::var("ALHOST_MINILM")) else {
        println!(
            "nothing measured: name a file with --texts, and MiniLM's folder in ALHOST_MINILM"
        );
        return;
    };
    if let Some(threads) = options.0.get("threads") {
        tch::set_num_threads(threads.parse().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoint = Checkpoint::open(&minilm, &Places::default()).unwrap();
    if options.get("model", "minilm") == "base" {
        checkpoint = base(Path::new(&minilm), folder.path());
    }
    let (tokens, labels) = read(&checkpoint, texts, options.number("tokens", "128"));
    let mut learner = learner(&checkpoint, &options, &labels, folder.path());
    let what = options.get("what", "linear");
    let (steps, losses) = match what {
        "encode" => (encode(&learner, &tokens), Vec::new()),
        _ => train(&mut learner, &tokens, &labels, &options),
    };
    report(what, &steps, &losses, options.0.contains_key("json"));
}

/// Seconds of each step, and its texts.
type Steps = Vec<(f64, u64)>;

fn report(what: &str, steps: &Steps, losses: &[f64], json: bool) {
    let seconds: f64 = steps.iter().map(|(seconds, _)| seconds).sum();
    let texts: u64 = steps.iter().map(|(_, texts)| texts).sum();
    let (rate, step) = (texts as f64 / seconds, seconds / steps.len() as f64);
    let peak = peak_mib();
    if json {
        let line = serde_json::json!({
            "what": what, "texts_per_s": rate, "seconds_per_step": step, "peak_mib": peak, "losses": losses
        });
        println!("{line}");
    } else {
        println!("{what}: {rate:.1} texts/s, {step:.3} s a step, {peak:.0} MiB at the peak");
    }
}

fn learner(checkpoint: &Checkpoint, options: &Options, labels: &Labels, cache: &Path) -> Learner {
    let config = ModelConfig {
        head: if options.get("what", "linear") == "cnn" { HeadKind::Cnn } else { HeadKind::Linear },
        encoder: EncoderMode::FineTuned,
        max_tokens: options.number("tokens", "128"),
        precision: match options.get("precision", "auto") {
            "f32" => Precision::F32,
            "bf16" => Precision::Bf16,
            _ => Precision::Auto,
        },
        ..ModelConfig::default()
    };
    Learner::new(checkpoint, &config, labels.n_labels(), Device::Cpu, cache).unwrap()
}

/// All texts once, to the means of their states, after some of them once.
fn encode(learner: &Learner, tokens: &Tokens) -> Steps {
    let rows: Vec<u32> = (0..tokens.len() as u32).collect();
    let wants = Wants { mean: true, ..Wants::default() };
    let notes = Notes::default();
    let work = Work { progress: &Silent, notes: &notes };
    let infer = |rows: &[u32]| drop(learner.infer(tokens, rows, wants, work).unwrap());
    infer(&rows[..rows.len().min(64)]);
    let start = Instant::now();
    infer(&rows);
    vec![(start.elapsed().as_secs_f64(), rows.len() as u64)]
}

/// The steps of a training, as many an epoch as are asked for, and the loss of each epoch.
fn train(
    learner: &mut Learner,
    tokens: &Tokens,
    labels: &Labels,
    options: &Options,
) -> (Steps, Vec<f64>) {
    let batch = options.number("batch", "16");
    let wanted = (options.number("steps", "1000000") + WARM_UP) * batch;
    let rows: Vec<u32> = (0..tokens.len().min(wanted) as u32).collect();
    let mut some = Labels::new(labels.n_labels());
    for &row in &rows {
        some.push(labels.row(row as usize));
    }
    let (clock, notes) = (Clock::default(), Notes::default());
    let work = Work { progress: &clock, notes: &notes };
    let epochs = options.number("epochs", "1");
    let config = TrainConfig { epochs, batch, rate: RATE, ..TrainConfig::default() };
    let seed = options.number("seed", "1") as i64;
    let examples = Examples { tokens, rows: &rows, labels: &some };
    let training = learner.train(examples, None, &config, Seeds { init: seed, train: seed }, work);
    let losses = training.unwrap().losses;
    let times = clock.0.into_inner().unwrap();
    let steps = times.windows(2).skip(WARM_UP);
    let steps = steps.map(|pair| ((pair[1].0 - pair[0].0).as_secs_f64(), pair[1].1));
    (steps.collect(), losses)
}

fn read(checkpoint: &Checkpoint, path: &str, max_tokens: usize) -> (Tokens, Labels) {
    let lines: Vec<serde_json::Value> = fs_err::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut rows = Vec::new();
    let mut numbers = BTreeMap::new();
    for line in &lines {
        let encoding = checkpoint.tokenizer.encode(line["text"].as_str().unwrap(), true).unwrap();
        let mut ids = encoding.get_ids().to_vec();
        if ids.len() > max_tokens {
            ids.truncate(max_tokens - 1);
            ids.push(checkpoint.specials.separator);
        }
        rows.push(ids);
        for label in line["labels"].as_array().unwrap() {
            let next = numbers.len() as u32;
            numbers.entry(label.as_str().unwrap()).or_insert(next);
        }
    }
    // As many labels as Reuters has, if the file has fewer: the head's size is part of the work.
    let mut labels = Labels::new(numbers.len().max(263));
    for line in &lines {
        let of_text = line["labels"].as_array().unwrap().iter();
        let mut of_text: Vec<u32> = of_text.map(|label| numbers[label.as_str().unwrap()]).collect();
        of_text.sort_unstable();
        labels.push(&of_text);
    }
    (Tokens::from_rows(&rows, "bench"), labels)
}

/// Writes a checkpoint of BERT-base's size with random weights, and MiniLM's tokenizer.
fn base(minilm: &Path, folder: &Path) -> Checkpoint {
    let config = r#"{"model_type": "bert", "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12,
        "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512}"#;
    fs_err::write(folder.join("config.json"), config).unwrap();
    for name in ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"]
    {
        if minilm.join(name).is_file() {
            fs_err::copy(minilm.join(name), folder.join(name)).unwrap();
        }
    }
    let vars = VarStore::new(Device::Cpu);
    let _encoder = Encoder::new(&vars.root(), &serde_json::from_str(config).unwrap());
    let drawn = vars.variables().into_iter().map(|(name, variable)| {
        let value = match name.rsplit_once('.').unwrap() {
            (norm, "weight") if norm.ends_with("LayerNorm") => variable.detach().ones_like(),
            (_, "bias") => variable.detach().zeros_like(),
            _ => Tensor::randn(variable.size(), (Kind::Float, Device::Cpu)) * 0.02,
        };
        (name, value)
    });
    let drawn: Vec<(String, Tensor)> = drawn.collect();
    Tensor::write_safetensors(&drawn, folder.join("model.safetensors")).unwrap();
    Checkpoint::open(folder.to_str().unwrap(), &Places::default()).unwrap()
}

/// The peak of this process's memory so far.
fn peak_mib() -> f64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
