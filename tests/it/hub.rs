//! The hub and its cache: what is there is used, what is missing is fetched by one process, and a hub that
//! is slow, silent, cut off or something else ends in a message.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alhost::learn::{Checkpoint, Places};
use tempfile::TempDir;

use crate::support::{Sandbox, plugin, ran, workspace};

const NOWHERE: &str = "http://127.0.0.1:9";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn tiny() -> PathBuf {
    workspace().join("tests/fixtures/tiny-bert-mlm")
}

/// A server in the manner of the hub, with what it was asked for.
struct Hub {
    endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// How the hub answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Proper,
    /// Waits between the halves of each file of weights.
    Slow(Duration),
    /// Breaks off in the middle of each file of weights, as long as less than half is asked for.
    BreaksOff,
    /// Files of weights lie elsewhere on the host.
    Redirects,
    /// Every page is a login page.
    LoginPage,
    /// Has other content than its names (SHA-256) say.
    Damaged,
}

impl Hub {
    /// Serves the files of `folder` as `me/m`, at `main`, `v1` and [`COMMIT`], until the test ends.
    fn new(folder: &Path, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (folder, seen) = (folder.to_owned(), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, seen) = (folder.clone(), Arc::clone(&seen));
                // Whoever asks may hang up at any moment.
                std::thread::spawn(move || answer(&stream, &folder, manner, &seen).ok());
            }
        });
        Self { endpoint, requests }
    }

    fn n_requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

fn answer(
    mut stream: &TcpStream,
    folder: &Path,
    manner: Manner,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(());
        }
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap();
    seen.lock().unwrap().push(path.to_owned());
    if manner == Manner::LoginPage {
        return stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>");
    }
    let is_weights = path.ends_with(".safetensors");
    if manner == Manner::Redirects && is_weights && !path.starts_with("/cdn") {
        return write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: /cdn{path}\r\nX-Repo-Commit: {COMMIT}\r\n\
             X-Linked-ETag: \"linked\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let path = path.trim_start_matches("/cdn");
    let revisions = ["main", "v1", COMMIT].map(|revision| format!("/me/m/resolve/{revision}/"));
    let file =
        revisions.iter().find_map(|start| path.strip_prefix(start)).map(|file| folder.join(file));
    let Some(file) = file.filter(|file| file.is_file()) else {
        return stream.write_all(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    };
    send(stream, &fs_err::read(&file)?, &request, manner, is_weights)
}

fn send(
    mut stream: &TcpStream,
    content: &[u8],
    request: &str,
    manner: Manner,
    is_weights: bool,
) -> std::io::Result<()> {
    let lower = request.to_lowercase();
    let range = lower.split("range: bytes=").nth(1).unwrap().lines().next().unwrap();
    let (start, end) = range.split_once('-').unwrap();
    let start: usize = start.parse().unwrap();
    let end = end.parse().map_or(content.len(), |last: usize| last + 1).min(content.len());
    let etag = match manner {
        Manner::Damaged if is_weights => "a".repeat(64),
        _ => blake3::hash(content).to_hex()[..40].to_owned(),
    };
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nETag: \"{etag}\"\r\n\
         X-Repo-Commit: {COMMIT}\r\nContent-Range: bytes {start}-{}/{}\r\nConnection: close\r\n\r\n",
        end - start,
        end - 1,
        content.len(),
    )?;
    let half = content.len() / 2;
    if !is_weights || start >= half || end < half {
        return stream.write_all(&content[start..end]);
    }
    stream.write_all(&content[start..half])?;
    match manner {
        Manner::BreaksOff => return stream.shutdown(std::net::Shutdown::Both),
        Manner::Slow(pause) => std::thread::sleep(pause),
        _ => (),
    }
    stream.write_all(&content[half..end])
}

fn places(cache: &TempDir, endpoint: &str) -> Places {
    Places {
        hub_cache: cache.path().join("hub"),
        hub_endpoint: Some(endpoint.to_owned()),
        ..Places::default()
    }
}

fn offline(cache: &TempDir) -> Places {
    Places { hub_offline: true, ..places(cache, NOWHERE) }
}

/// A cache with these files of the tiny checkpoint in the snapshot of [`COMMIT`].
fn cache_of(files: &[&str], revision: Option<&str>) -> TempDir {
    let cache = tempfile::tempdir().unwrap();
    let repo = cache.path().join("hub/models--me--m");
    let snapshot = repo.join("snapshots").join(COMMIT);
    fs_err::create_dir_all(&snapshot).unwrap();
    for file in files {
        let from = match *file {
            "pytorch_model.bin" => workspace().join("tests/fixtures/tiny-bert-bin").join(file),
            _ => tiny().join(file),
        };
        fs_err::copy(from, snapshot.join(file)).unwrap();
    }
    if let Some(revision) = revision {
        let path = repo.join("refs").join(revision);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, COMMIT).unwrap();
    }
    cache
}

fn message(name: &str, places: &Places) -> String {
    let error = Checkpoint::open(name, places).err().expect("it cannot be opened").to_string();
    assert!(error.contains("hint: "), "{error}");
    error
}

#[test]
fn what_the_cache_has_is_enough_whatever_the_network() {
    let hub = Hub::new(&tiny(), Manner::Proper);
    let config = "tokenizer_config.json";
    for files in [
        &["config.json", "model.safetensors", "tokenizer.json"][..],
        &["config.json", "pytorch_model.bin", "tokenizer.json"],
        &["config.json", "pytorch_model.bin", "vocab.txt", config],
        &["config.json", "model.safetensors", "vocab.txt", config],
    ] {
        for revision in [Some("main"), None] {
            let cache = cache_of(files, revision);
            for places in [places(&cache, NOWHERE), offline(&cache), places(&cache, &hub.endpoint)]
            {
                let opened = Checkpoint::open("me/m", &places).unwrap();
                assert_eq!(opened.revision.as_deref(), Some(COMMIT), "{files:?}");
            }
        }
    }
    assert_eq!(hub.n_requests(), 0, "the hub is not asked for what is there");
}

#[test]
fn how_a_vocabulary_is_split_is_asked_for_and_gone_on_without() {
    let files = ["config.json", "model.safetensors", "vocab.txt"];
    let cache = cache_of(&files, Some("main"));
    Checkpoint::open("me/m", &places(&cache, NOWHERE)).unwrap();
    let hub = Hub::new(&tiny(), Manner::Proper);
    Checkpoint::open("me/m", &places(&cache, &hub.endpoint)).unwrap();
    let snapshot = cache.path().join("hub/models--me--m/snapshots").join(COMMIT);
    assert!(snapshot.join("tokenizer_config.json").is_file());

    // Where the cache says that there is none, nobody is asked.
    let cache = cache_of(&files, Some("main"));
    let marker = cache.path().join("hub/models--me--m/.no_exist").join(COMMIT);
    fs_err::create_dir_all(&marker).unwrap();
    fs_err::write(marker.join("tokenizer_config.json"), "").unwrap();
    let before = hub.n_requests();
    Checkpoint::open("me/m", &places(&cache, &hub.endpoint)).unwrap();
    assert_eq!(hub.n_requests(), before);
}

#[test]
fn what_is_fetched_is_fetched_once_and_what_is_not_there_is_noted() {
    for manner in [Manner::Proper, Manner::Redirects, Manner::BreaksOff] {
        let (hub, cache) = (Hub::new(&tiny(), manner), tempfile::tempdir().unwrap());
        let there = Checkpoint::open(tiny().to_str().unwrap(), &Places::default()).unwrap();
        assert_eq!(there.revision, None);
        let fetched = Checkpoint::open("me/m", &places(&cache, &hub.endpoint)).unwrap();
        assert_eq!(fetched.weights_hash, there.weights_hash);
        assert_eq!(fetched.revision.as_deref(), Some(COMMIT));
        let repo = cache.path().join("hub/models--me--m");
        assert!(repo.join(".no_exist").join(COMMIT).join("added_tokens.json").is_file());
        assert_eq!(fs_err::read_to_string(repo.join("refs/main")).unwrap(), COMMIT);
        let n = hub.n_requests();
        for places in [places(&cache, &hub.endpoint), offline(&cache)] {
            Checkpoint::open("me/m", &places).unwrap();
        }
        assert_eq!(hub.n_requests(), n);
    }
}

#[test]
fn shards_are_fetched_as_their_index_says() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json"] {
        fs_err::copy(tiny().join(file), folder.path().join(file)).unwrap();
    }
    crate::checkpoint::write_shards(folder.path());
    let (hub, cache) = (Hub::new(folder.path(), Manner::Proper), tempfile::tempdir().unwrap());
    Checkpoint::open("me/m", &places(&cache, &hub.endpoint)).unwrap();
    Checkpoint::open("me/m", &offline(&cache)).unwrap();
    let snapshot = cache.path().join("hub/models--me--m/snapshots").join(COMMIT);
    fs_err::remove_file(snapshot.join("model-00002-of-00002.safetensors")).unwrap();
    assert!(message("me/m", &offline(&cache)).contains("shards"));
    Checkpoint::open("me/m", &places(&cache, &hub.endpoint)).unwrap();
}

#[test]
fn a_download_that_was_killed_goes_on() {
    let (hub, cache) = (Hub::new(&tiny(), Manner::Proper), tempfile::tempdir().unwrap());
    let weights = fs_err::read(tiny().join("model.safetensors")).unwrap();
    let etag = blake3::hash(&weights).to_hex()[..40].to_owned();
    let blobs = cache.path().join("hub/models--me--m/blobs");
    fs_err::create_dir_all(&blobs).unwrap();
    let surplus = [&weights[..], b"more"].concat();
    for left in [&weights[..1000], &weights, &surplus, b""] {
        fs_err::write(blobs.join(format!("{etag}.alhost-part")), left).unwrap();
        let places = places(&cache, &hub.endpoint);
        Checkpoint::open("me/m", &places).unwrap();
        assert_eq!(fs_err::read(blobs.join(&etag)).unwrap(), weights, "{} bytes left", left.len());
        fs_err::remove_dir_all(cache.path().join("hub/models--me--m/snapshots")).unwrap();
        fs_err::remove_file(blobs.join(&etag)).unwrap();
    }
}

#[test]
fn a_revision_is_a_branch_a_tag_or_a_commit() {
    let hub = Hub::new(&tiny(), Manner::Proper);
    for revision in ["v1", COMMIT] {
        let (name, cache) = (format!("me/m@{revision}"), tempfile::tempdir().unwrap());
        let fetched = Checkpoint::open(&name, &places(&cache, &hub.endpoint)).unwrap();
        assert_eq!(fetched.revision.as_deref(), Some(COMMIT));
        for name in [&name, &format!("me/m@{COMMIT}"), &format!("me/m@{}", &COMMIT[..8])] {
            Checkpoint::open(name, &offline(&cache)).unwrap();
        }
        assert!(message("me/m@v2", &offline(&cache)).contains("`me/m@v2`"));
    }
    let cache = cache_of(&["config.json", "model.safetensors", "tokenizer.json"], Some("v1.0"));
    Checkpoint::open("me/m@v1.0", &places(&cache, NOWHERE)).unwrap();
    let empty = tempfile::tempdir().unwrap();
    let error = message("me/m@nowhere", &places(&empty, &hub.endpoint));
    assert!(error.contains("has no such file"), "{error}");
}

#[test]
fn a_hub_that_cannot_be_used_is_told_with_its_cause() {
    let empty = tempfile::tempdir().unwrap();
    let check = |endpoint: &str, expected: &[&str]| {
        let error = message("me/m", &places(&empty, endpoint));
        for expected in expected {
            assert!(error.contains(expected), "`{expected}` is not in {error}");
        }
    };
    check(NOWHERE, &["cannot fetch `config.json` of `me/m`", "no connection", "HF_HUB_OFFLINE=1"]);
    check("http://no-such-host.invalid", &["its name is not known here"]);
    check("no address", &["this is no address"]);
    let login = Hub::new(&tiny(), Manner::LoginPage);
    check(&login.endpoint, &["has no commit", "login page"]);
    let damaged = Hub::new(&tiny(), Manner::Damaged);
    check(&damaged.endpoint, &["SHA-256", "once more"]);
    let error = message("me/m", &offline(&empty));
    assert!(error.contains("HF_HUB_OFFLINE is set (or TRANSFORMERS_OFFLINE)"), "{error}");
}

#[test]
fn either_variable_keeps_alhost_from_the_network() {
    let (hub, sandbox) = (Hub::new(&tiny(), Manner::Proper), Sandbox::new());
    let run = |name: &str, value: &str| {
        let mut command = sandbox.run_command(&["random"], &["--set", "model.checkpoint=me/m"]);
        command.env("HF_HOME", sandbox.path("hf")).env("HF_ENDPOINT", &hub.endpoint);
        ran(&command.env(name, value).output().unwrap())
    };
    for name in ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"] {
        run(name, "1").refused(&["me/m", "is set", "hint: "]);
    }
    assert_eq!(hub.n_requests(), 0);
    run("TRANSFORMERS_OFFLINE", "0").ok();
}

#[test]
fn a_hub_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (since, empty) = (Instant::now(), tempfile::tempdir().unwrap());
    let error = message("me/m", &places(&empty, &endpoint));
    assert!(error.contains("no answer in 30 s"), "{error}");
    assert!(since.elapsed() < Duration::from_secs(50), "{:?}", since.elapsed());
}

#[test]
fn who_comes_second_waits_and_says_so() {
    let hub = Hub::new(&tiny(), Manner::Slow(Duration::from_secs(3)));
    let sandbox = Sandbox::new();
    let start = || {
        let mut command = sandbox.run_command(&["random"], &["--set", "model.checkpoint=me/m"]);
        command.env("HF_HOME", sandbox.path("hf")).env("HF_ENDPOINT", &hub.endpoint);
        command
    };
    let first = start().args(["--out", "one"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    let is_weights = |path: &String| path.ends_with("model.safetensors");
    while !hub.requests.lock().unwrap().iter().any(is_weights) {
        assert!(Instant::now() < deadline, "the first does not get to the weights");
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = ran(&start().args(["--out", "two"]).output().unwrap()).ok();
    assert!(
        second.stderr.contains("waiting for another process that fetches me/m"),
        "{}",
        second.stderr
    );
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success());
    let n = hub.requests.lock().unwrap().iter().filter(|path| is_weights(path)).count();
    assert_eq!(n, 2, "one look, one download");
}

#[test]
fn a_bench_fetches_once_before_its_workers_start() {
    let hub = Hub::new(&tiny(), Manner::Proper);
    let sandbox = Sandbox::new();
    let grid = format!(
        "name = \"grid\"\nconfig = \"tiny.toml\"\nseeds = [3, 4]\n[[strategy]]\nplugin = \"{}\"\n",
        plugin("random").display()
    );
    sandbox.write("grid.toml", &grid);
    let bench = || {
        let mut command = sandbox.command();
        command.args(["bench", "grid.toml", "--jobs", "2", "--set", "model.checkpoint=me/m"]);
        command.env("HF_HOME", sandbox.path("hf")).env("HF_ENDPOINT", &hub.endpoint);
        ran(&command.output().unwrap()).ok()
    };
    assert!(bench().stdout.contains("2 of 2 cells finished"));
    let seen = hub.requests.lock().unwrap().clone();
    let weights = seen.iter().filter(|path| path.ends_with("model.safetensors")).count();
    assert_eq!(weights, 2, "one look, one download: {seen:?}");
    let manifest = sandbox.read("runs/grid/grid/random/seed-3/manifest.json");
    assert!(manifest.contains(COMMIT), "{manifest}");
    bench();
    assert_eq!(hub.n_requests(), seen.len());
}
