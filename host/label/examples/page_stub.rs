//! Serves the labeling page with a made-up project in memory, to look at the page and to try it in a browser:
//! `cargo run -p alhost-label --example page_stub -- [PORT [LABELS]]`. Nothing is kept.
#![allow(clippy::print_stdout, reason = "an example says where it listens")]
#![allow(
    clippy::unwrap_used,
    reason = "an example for developers ends with a panic where it cannot go on"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use alhost_label::search::LabelIndex;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

const N_TEXTS: usize = 2_000;
const BATCH: usize = 20;
/// How long the made-up training takes after each batch.
const TRAINING: Duration = Duration::from_secs(3);
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct Project {
    labels: LabelIndex,
    used: BTreeMap<String, usize>,
    answers: BTreeMap<(String, usize), Value>,
    /// Who has which text.
    claims: BTreeMap<String, usize>,
    n_given: usize,
    trained: usize,
    training: Option<Instant>,
    /// Requests to come that are answered with an error.
    n_failures: usize,
}

type Shared = Arc<Mutex<Project>>;
type Params = Query<BTreeMap<String, String>>;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number =
        |at: usize, default: usize| arguments.get(at).map_or(default, |n| n.parse().unwrap());
    let (port, n_labels) = (number(1, 8123), number(2, 400));
    let app = Router::new()
        .route("/", get(|| file(Path("index.html".to_owned()))))
        .route("/{name}", get(file))
        .route("/api/project", get(about))
        .route("/api/next", post(next))
        .route("/api/answer", post(answer))
        .route("/api/text", get(text))
        .route("/api/history", get(history))
        .route("/api/labels", get(search))
        .route("/api/children", get(children))
        .route("/api/progress", get(progress))
        .route("/stub/fail/{n}", post(fail))
        .route("/stub/anew/{n_labels}", post(anew))
        .with_state(Arc::new(Mutex::new(Project::new(n_labels))));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port as u16)).await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        axum::serve(listener, app).await.unwrap();
    });
}

async fn file(Path(name): Path<String>) -> Response {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    let kind = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    };
    match fs_err::read(folder.join(name)) {
        Ok(bytes) => {
            ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, POLICY)], bytes)
                .into_response()
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn lock(project: &Shared) -> MutexGuard<'_, Project> {
    project.lock().unwrap()
}

/// Makes the next `n` answers fail, so that one can see what the page does then.
async fn fail(State(project): State<Shared>, Path(n): Path<usize>) {
    lock(&project).n_failures = n;
}

async fn anew(State(project): State<Shared>, Path(n_labels): Path<usize>) {
    *lock(&project) = Project::new(n_labels);
}

async fn about(State(project): State<Shared>) -> Json<Value> {
    let guidelines = "Give a text every label that a reader who looks for it would expect.\n\n\
        If none fits, confirm without a label. <b>Markup</b> in a text is part of it.\n\
        When in doubt, skip: nobody learns from a guess.";
    let n_labels = lock(&project).labels.len();
    Json(json!({
        "name": "Newswire", "guidelines": guidelines, "n_texts": N_TEXTS, "n_labels": n_labels, "separator": "/",
        "can_add_labels": true, "batch": BATCH, "people": ["Ada", "Grace"], "version": env!("CARGO_PKG_VERSION"),
    }))
}

async fn next(State(project): State<Shared>, Json(asked): Json<Value>) -> Json<Value> {
    let who = asked["who"].as_str().unwrap().to_owned();
    let mut project = lock(&project);
    if project.training.is_some_and(|began| began.elapsed() > TRAINING) {
        project.training = None;
        project.trained = project.n_given;
    }
    if let Some(&id) = project.claims.get(&who) {
        return Json(json!({ "text": project.item(&who, id) }));
    }
    let waiting =
        |why: &str, message: &str| Json(json!({ "waiting": { "why": why, "message": message } }));
    if project.n_given == N_TEXTS {
        return waiting("finished", "All texts of this project have an answer.");
    }
    if project.n_given > project.trained && project.n_given.is_multiple_of(BATCH) {
        if !project.claims.is_empty() {
            return waiting("others", "Somebody still has a text of this batch.");
        }
        project.training.get_or_insert_with(Instant::now);
        return waiting(
            "training",
            "A classifier is trained on what was labeled so far, and chooses the next 20 texts.",
        );
    }
    let id = project.n_given;
    project.n_given += 1;
    project.claims.insert(who.clone(), id);
    Json(json!({ "text": project.item(&who, id) }))
}

async fn answer(State(project): State<Shared>, Json(mut given): Json<Value>) -> Response {
    let mut project = lock(&project);
    if project.n_failures > 0 {
        project.n_failures -= 1;
        let error = json!({ "error": "cannot write annotations.jsonl: no space left on device", "hint": "free some space" });
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(error)).into_response();
    }
    for name in given["new_labels"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        if !project.labels.names().iter().any(|known| known == name) {
            project.labels.push(name);
        }
    }
    for name in given["labels"].as_array().unwrap() {
        *project.used.entry(name.as_str().unwrap().to_owned()).or_default() += 1;
    }
    let who = given["who"].as_str().unwrap().to_owned();
    let id: usize = given["id"].as_str().unwrap().parse().unwrap();
    if project.claims.get(&who) == Some(&id) {
        project.claims.remove(&who);
    }
    // A made-up clock: a minute for each answer.
    let minute = project.answers.len();
    let at = format!("2026-08-01T{:02}:{:02}:00Z", 9 + minute / 60 % 12, minute % 60);
    given["at"] = json!(at);
    project.answers.insert((who, id), given);
    Json(json!({ "saved": true, "at": at })).into_response()
}

async fn text(State(project): State<Shared>, Query(params): Params) -> Response {
    let project = lock(&project);
    match project.answers.get(&(params["who"].clone(), params["id"].parse().unwrap_or(N_TEXTS))) {
        Some(_) => {
            let item = project.item(&params["who"], params["id"].parse().unwrap());
            Json(json!({ "text": item })).into_response()
        }
        None => {
            let error = json!({ "error": format!("there is no answer to `{}`", params["id"]) });
            (StatusCode::NOT_FOUND, Json(error)).into_response()
        }
    }
}

async fn history(State(project): State<Shared>, Query(params): Params) -> Json<Value> {
    let project = lock(&project);
    let mut answers: Vec<Value> = project
        .answers
        .iter()
        .filter(|((who, _), _)| *who == params["who"])
        .map(|((_, id), answer)| {
            let mut answer = answer.clone();
            answer["snippet"] = json!(made_up(*id).chars().take(160).collect::<String>());
            answer
        })
        .filter(|answer| answer.to_string().contains(&params["q"]))
        .collect();
    answers.sort_by_key(|answer| std::cmp::Reverse(answer["at"].as_str().unwrap().to_owned()));
    answers.truncate(params["n"].parse().unwrap());
    Json(json!({ "answers": answers }))
}

async fn search(State(project): State<Shared>, Query(params): Params) -> Json<Value> {
    let project = lock(&project);
    let names = project.labels.names();
    let used = |label: u32| project.used.get(&names[label as usize]).copied().unwrap_or(0);
    let hits = project
        .labels
        .search(&params["q"], params["n"].parse().unwrap(), &|label| used(label) as f64);
    let shown = hits.iter().map(|hit| {
        let name = &names[hit.label as usize];
        let units = |end: usize| name[..end].encode_utf16().count();
        let matched: Vec<[usize; 2]> =
            hit.matched.iter().map(|range| [units(range.start), units(range.end)]).collect();
        json!({ "name": name, "matched": matched, "used": used(hit.label) })
    });
    Json(json!({ "labels": shown.collect::<Vec<_>>(), "total": names.len() }))
}

async fn children(State(project): State<Shared>, Query(params): Params) -> Json<Value> {
    let shown = lock(&project).labels.children(&params["path"]).into_iter().map(|child| {
        let (path, name, below) = (child.path, child.name, child.n_labels_below);
        json!({ "path": path, "name": name, "is_label": child.label.is_some(), "below": below })
    });
    Json(json!({ "children": shown.collect::<Vec<_>>() }))
}

async fn progress(State(project): State<Shared>) -> Json<Value> {
    let project = lock(&project);
    let curve = [
        (100, 0.41, 0.17),
        (200, 0.55, 0.12),
        (300, 0.63, 0.09),
        (400, 0.66, 0.08),
        (500, 0.70, 0.07),
    ];
    let rounds = curve.map(|(labeled, value, half)| {
        json!({ "labeled": labeled, "audited": labeled / 10, "micro_f1": value, "low": value - half, "high": value + half })
    });
    let n_answers = project.answers.len();
    Json(json!({
        "answered": n_answers, "skipped": 3, "of": N_TEXTS, "batch": { "done": n_answers % BATCH, "of": BATCH },
        "labels_seen": project.used.len(), "n_labels": project.labels.len(), "seconds_a_text": 8.4, "rounds": rounds,
        "strategy": { "name": "CVIRS", "summary": "texts whose labels the classifier ranks least surely and unlike those before" },
        "next": "18 more answers, then a classifier is trained on 520 texts and chooses the next 20.",
        "stop": "The next 100 texts are expected to bring less than 0.01 of micro-F1.",
        "people": [{ "who": "Ada", "answered": 310, "skipped": 2, "seconds_a_text": 7.9 },
                   { "who": "Grace", "answered": 190, "skipped": 1, "seconds_a_text": 9.2 }],
        "agreement": { "texts": 52, "overall": 0.71, "by_label": [
            { "label": "trade/agriculture/coffee", "alpha": 0.92, "texts": 14 },
            { "label": "trade/agriculture", "alpha": 0.48, "texts": 21 },
            { "label": "energy/oil", "alpha": null, "texts": 1 }] },
    }))
}

impl Project {
    fn new(n_labels: usize) -> Project {
        Project {
            labels: labels(n_labels),
            used: BTreeMap::new(),
            answers: BTreeMap::new(),
            claims: BTreeMap::new(),
            n_given: 0,
            trained: 0,
            training: None,
            n_failures: 0,
        }
    }

    fn item(&self, who: &str, id: usize) -> Value {
        let names = self.labels.names();
        let is_audit = id % 10 == 4;
        let suggestion = |rank: usize| {
            let label = &names[(id * 7 + rank * 13) % names.len()];
            json!({ "label": label, "probability": 0.93 / (rank * rank + 1) as f64 })
        };
        let n_suggestions = if is_audit { 0 } else { 9.min(names.len()) };
        let earlier = self.answers.get(&(who.to_owned(), id)).cloned();
        json!({
            "id": id.to_string(), "text": made_up(id), "round": id / BATCH, "is_audit": is_audit,
            "suggestions": (0..n_suggestions).map(suggestion).collect::<Vec<_>>(), "answer": earlier,
            "left": BATCH - id % BATCH, "of": BATCH, "position": id % BATCH + 1,
        })
    }
}

/// Label paths of three levels, with a few that try to break out.
fn labels(n: usize) -> LabelIndex {
    let words = |line: &'static str| line.split(", ").collect::<Vec<_>>();
    let tops = words("trade, energy, finance, politics, science, Économie, sport, environment");
    let middles = words(
        "agriculture, oil and gas, metal, insurance, elections, research policy, transport, \
         forestry, fisheries, taxation of income",
    );
    let leaves = words(
        "coffee, wheat, prices, strikes, subsidies, exports, imports, reserves, law, accidents, \
         mergers, statistics",
    );
    let mut index = LabelIndex::new(Some("/"));
    for hostile in ["<script>alert(1)</script>", "اقتصاد/نفط", "経済/政策", "trade/agriculture"]
    {
        index.push(hostile);
    }
    for at in 0..n.saturating_sub(index.len()) {
        let (top, middle, leaf) = (tops[at % 8], middles[at / 8 % 10], leaves[at / 80 % 12]);
        let turn = at / 960;
        index.push(&match turn {
            0 => format!("{top}/{middle}/{leaf}"),
            _ => format!("{top}/{middle} {turn}/{leaf} of region {turn}"),
        });
    }
    index
}

/// Texts of many lengths, one written from right to left, and one that would like to be markup.
fn made_up(id: usize) -> String {
    let sentence = "Coffee exporters said yesterday that shipments from the port would resume once the strike \
        over wages ends, though traders expect prices to stay near their highest since May. ";
    match id % 10 {
        1 => "<img src=x onerror=\"document.title='owned'\"> <b>bold?</b> & &amp; <script>alert(1)</script>".to_owned(),
        2 => "قالت وزارة النفط إن الصادرات سترتفع في الشهر المقبل.\nوتوقع تجار أن تبقى الأسعار مستقرة.".to_owned(),
        3 => format!("Text {id}\n\n{}", sentence.repeat(60).replace("May. ", "May.\n\n")),
        5 => "経済産業省は、原油の輸入量が前年より増えたと発表した。".to_owned(),
        _ => format!("Text {id}\n\n{}", sentence.repeat(id % 4 + 1)),
    }
}
