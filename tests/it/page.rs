//! A project of the tiny data set with its server, and a client that speaks HTTP to it by hand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Sandbox, plugin, workspace};

/// How long a test waits for what takes a second.
const PATIENCE: Duration = Duration::from_mins(2);

/// A sandbox with a project `p` of its 60 texts: batches of 10, a fifth of the texts for the audit.
pub(crate) fn project(labels: bool) -> Sandbox {
    let sandbox = Sandbox::new();
    let texts: Vec<String> = rows(&sandbox)
        .iter()
        .map(|row| json!({ "id": row["id"], "text": row["text"] }).to_string() + "\n")
        .collect();
    sandbox.write("texts.jsonl", &texts.concat());
    let mut names: Vec<String> = rows(&sandbox).iter().flat_map(labels_of).collect();
    names.sort();
    names.dedup();
    sandbox.write("labels.txt", &(names.join("\n") + "\n"));
    let random = plugin("random").display().to_string();
    let mut args =
        vec!["label", "new", "p", "--texts", "texts.jsonl", "--batch", "10", "--plugin", &random];
    if labels {
        args.extend(["--labels", "labels.txt"]);
    }
    sandbox.alhost(&args).ok();
    adjust(&sandbox, "p");
    sandbox
}

/// The tiny model in the place of the one that set-up fetches, and a larger audit.
pub(crate) fn adjust(sandbox: &Sandbox, project: &str) {
    let model = workspace().join("tests/fixtures/tiny-bert-mlm").display().to_string();
    let path = format!("{project}/project.toml");
    let config = sandbox
        .read(&path)
        .replace("\"minilm\"", &format!("\"{model}\""))
        .replace("max_tokens = 128", "max_tokens = 32 ")
        .replace("audit = 0.1", "audit = 0.2")
        .replace(
            "[oracle]",
            "[cache]\npath = \"cache\"\n\n[isolation]\nmode = \"off\"\n\n[oracle]",
        );
    sandbox.write(&path, &config);
}

/// The texts of train, with their gold labels.
pub(crate) fn rows(sandbox: &Sandbox) -> Vec<Value> {
    let train = sandbox.read("data/train.jsonl");
    train.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn labels_of(row: &Value) -> Vec<String> {
    let labels = row["labels"].as_array().unwrap().iter();
    let mut labels: Vec<String> = labels.map(|label| label.as_str().unwrap().to_owned()).collect();
    labels.dedup();
    labels
}

/// What a server answered.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

/// A server that ends with the test.
pub(crate) struct Page {
    pub(crate) child: Child,
    /// Host and port.
    pub(crate) address: String,
    /// What is behind the address that it printed.
    pub(crate) query: String,
}

impl Page {
    pub(crate) fn serve(sandbox: &Sandbox, args: &[&str]) -> Self {
        Self::serve_on(sandbox, "127.0.0.1:0", args)
    }

    pub(crate) fn serve_on(sandbox: &Sandbox, address: &str, args: &[&str]) -> Self {
        let args = [&["label", "serve", "p", "--listen", address], args].concat();
        Self::serve_by(sandbox, &args)
    }

    /// The server of a whole command line.
    pub(crate) fn serve_by(sandbox: &Sandbox, args: &[&str]) -> Self {
        let mut command = sandbox.command();
        command.args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let rest =
            line.trim().strip_prefix("http://").unwrap_or_else(|| panic!("no address: {line}"));
        let (address, query) = rest.split_once('/').unwrap();
        Self { child, address: address.to_owned(), query: query.to_owned() }
    }

    /// A request as it is given, with nothing added but its length.
    pub(crate) fn raw(&self, head: &str, body: &[u8]) -> std::io::Result<Answered> {
        let port = self.address.rsplit(':').next().unwrap();
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let length = body.len();
        write!(stream, "{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
        // A server that refuses a body early need not read all of it.
        let _refused = stream.write_all(body);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other("no answer"))?;
        Ok(Answered { status, head: head.to_owned(), body: body.to_owned() })
    }

    pub(crate) fn get(&self, path: &str) -> Answered {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}", self.address);
        self.raw(&head, b"").unwrap()
    }

    pub(crate) fn try_post(&self, path: &str, body: &Value) -> std::io::Result<Answered> {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nX-Alhost: 1", self.address);
        self.raw(&head, body.to_string().as_bytes())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answered {
        self.try_post(path, body).unwrap()
    }

    /// The next text for somebody; waits while there is none, and ends with why there will be none.
    pub(crate) fn next(&self, who: &str) -> Result<Value, Value> {
        let since = Instant::now();
        loop {
            let next = self.post("/api/next", &json!({ "who": who })).json();
            if next.get("text").is_some() {
                return Ok(next["text"].clone());
            }
            let why = next["waiting"]["why"].as_str().unwrap_or_else(|| panic!("{next}"));
            if matches!(why, "finished" | "failed") {
                return Err(next["waiting"].clone());
            }
            assert!(since.elapsed() < PATIENCE, "waits on: {next}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn answer(&self, who: &str, id: &Value, labels: &[String]) -> Answered {
        self.post("/api/answer", &answer(who, id, labels))
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

pub(crate) fn answer(who: &str, id: &Value, labels: &[String]) -> Value {
    json!({ "who": who, "id": id, "labels": labels, "status": "labeled", "seconds": 1.5 })
}

/// The lines of the project's answers.
pub(crate) fn annotations(sandbox: &Sandbox) -> Vec<Value> {
    let lines = sandbox.read("p/annotations.jsonl");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
