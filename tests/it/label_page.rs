//! The server of the labeling page: whole runs through it, kills, several people, and requests that are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::page::{Page, annotations, answer, labels_of, project, rows};
use crate::support::{Sandbox, plugin, ran};

fn gold(sandbox: &Sandbox) -> BTreeMap<String, Vec<String>> {
    let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
    rows(sandbox).iter().map(|row| (id(row), labels_of(row))).collect()
}

/// Labels with gold until no text is left, and gives back how many there were.
fn label_all(page: &Page, gold: &BTreeMap<String, Vec<String>>) -> usize {
    for n in 0.. {
        match page.next("kim") {
            Ok(text) => {
                let labels = &gold[text["id"].as_str().unwrap()];
                let answered = page.answer("kim", &text["id"], labels);
                assert_eq!(answered.status, 200, "{}", answered.body);
            }
            Err(waiting) => {
                assert_eq!(waiting["why"], "finished", "{waiting}");
                return n;
            }
        }
    }
    unreachable!("texts end")
}

/// Selections and rounds without what they cost and the checks of their lines.
fn records(sandbox: &Sandbox, run: &str) -> (Vec<Value>, Vec<Value>) {
    let records = alhost_record::read(&sandbox.path(run)).unwrap();
    let rounds = records.rounds.iter().map(|round| {
        let mut round = serde_json::to_value(round).unwrap();
        round.as_object_mut().unwrap().remove("cost");
        round
    });
    let selections = records.selections.iter().map(|one| serde_json::to_value(one).unwrap());
    (selections.collect(), rounds.collect())
}

#[test]
fn gold_labels_through_the_page_give_the_records_of_a_simulated_run() {
    let sandbox = project(true);
    let page = Page::serve(&sandbox, &[]);
    assert_eq!(label_all(&page, &gold(&sandbox)), 60);
    drop(page);

    // The same project with the gold labels in its texts.
    sandbox.write("simulated/texts.jsonl", &sandbox.read("data/train.jsonl"));
    sandbox.write("simulated/labels.txt", &sandbox.read("p/labels.txt"));
    let set = ["data.path=simulated", "out=simulated/runs", "oracle.kind=simulated"];
    let set = set.iter().flat_map(|one| ["--set", one]);
    let args: Vec<&str> = ["run", "--config", "p/project.toml"].into_iter().chain(set).collect();
    sandbox.alhost(&args).ok();
    let labeled = records(&sandbox, "p/runs/p/random/seed-1");
    let simulated = records(&sandbox, "simulated/runs/p/random/seed-1");
    assert_eq!(labeled.0, simulated.0, "selections");
    assert_eq!(labeled.1, simulated.1, "rounds");
    assert_eq!(labeled.1.len(), 6);
}

#[test]
fn one_ctrl_c_ends_it_before_the_data_are_open_and_behind() {
    for waits in [false, true] {
        let sandbox = project(true);
        let mut page = Page::serve(&sandbox, &[]);
        if waits {
            page.next("kim").unwrap();
        }
        let id = rustix::process::Pid::from_child(&page.child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        let since = Instant::now();
        let status = loop {
            if let Some(status) = page.child.try_wait().unwrap() {
                break status;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "it goes on");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}");
    }
}

/// Labels until the server is killed, so many milliseconds from now, and gives back what was confirmed.
fn label_until_killed(
    page: &mut Page,
    gold: &BTreeMap<String, Vec<String>>,
    after: u64,
) -> Vec<(String, Vec<String>)> {
    let id = rustix::process::Pid::from_raw(page.child.id() as i32).unwrap();
    let killed = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(after));
        let _gone = rustix::process::kill_process(id, rustix::process::Signal::KILL);
    });
    let mut confirmed = Vec::new();
    while let Ok(next) = page.try_post("/api/next", &json!({ "who": "kim" })) {
        std::thread::sleep(Duration::from_millis(15));
        let Some(text) = next.json().get("text").cloned() else { continue };
        let id = text["id"].as_str().unwrap().to_owned();
        let labels = gold[&id].clone();
        match page.try_post("/api/answer", &answer("kim", &text["id"], &labels)) {
            Ok(answered) if answered.status == 200 => confirmed.push((id, labels)),
            Ok(answered) => panic!("{}", answered.body),
            Err(_) => break,
        }
    }
    killed.join().unwrap();
    page.kill();
    confirmed
}

#[test]
fn no_confirmed_answer_is_lost_or_doubled_however_often_the_server_is_killed() {
    let sandbox = project(true);
    let gold = gold(&sandbox);
    let mut confirmed = Vec::<(String, Vec<String>)>::new();
    for round in 0..6_u64 {
        let mut page = Page::serve(&sandbox, &[]);
        confirmed.extend(label_until_killed(&mut page, &gold, 200 + 157 * round));
        let kept = annotations_of_whole_lines(&sandbox);
        let ids: BTreeSet<&String> = kept.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), kept.len(), "an answer is there twice");
        for one in &confirmed {
            assert!(kept.contains(one), "{one:?} was confirmed and is lost");
        }
    }
    assert!(confirmed.len() > 5, "the client came to label: {}", confirmed.len());
    let page = Page::serve(&sandbox, &[]);
    label_all(&page, &gold);
    let labeled: BTreeSet<String> =
        annotations(&sandbox).iter().map(|line| line["id"].to_string()).collect();
    assert_eq!(labeled.len(), 60);
}

fn annotations_of_whole_lines(sandbox: &Sandbox) -> Vec<(String, Vec<String>)> {
    let text = sandbox.read("p/annotations.jsonl");
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["id"].as_str().unwrap().to_owned(), labels_of(&line))
        })
        .collect()
}

/// Labels 55 of 60 texts of a project that begins without labels, each label new at its first use and one of them when
/// two rounds are over, where `change` has changed the config.
fn check_new_labels(change: fn(&str) -> String) {
    let sandbox = project(false);
    sandbox.write("p/project.toml", &change(&sandbox.read("p/project.toml")));
    let page = Page::serve(&sandbox, &[]);
    let gold = gold(&sandbox);
    let mut known = BTreeSet::new();
    for n in 0..55 {
        let text = page.next("kim").unwrap_or_else(|waiting| panic!("text {n}: {waiting}"));
        let mut labels = gold[text["id"].as_str().unwrap()].clone();
        if n >= 40 {
            labels.push("late".to_owned());
        }
        let mut given = answer("kim", &text["id"], &labels);
        given["new_labels"] = json!(labels);
        let answered = page.post("/api/answer", &given);
        assert_eq!(answered.status, 200, "{}", answered.body);
        known.extend(labels);
    }
    let progress = page.get("/api/progress").json();
    assert!(progress["rounds"].as_array().unwrap().len() >= 4, "{progress}");
    assert_eq!(progress["n_labels"], known.len());
    let listed: BTreeSet<String> =
        sandbox.read("p/labels.txt").lines().map(str::to_owned).collect();
    assert_eq!(listed, known);
}

#[test]
fn labels_are_made_while_labeling_and_the_model_learns_them() {
    check_new_labels(str::to_owned);
}

#[test]
fn a_strategy_that_remembers_labels_goes_on_with_new_ones() {
    check_new_labels(|config| {
        let (random, tailor) = (plugin("random"), plugin("tailor"));
        config.replace(&random.display().to_string(), &tailor.display().to_string())
    });
}

#[test]
fn people_get_different_texts_and_an_overlap_where_it_is_wanted() {
    let sandbox = project(true);
    let page = Page::serve(&sandbox, &["--set", "label.overlap=1"]);
    let (a, b) = (page.next("a").unwrap(), page.next("b").unwrap());
    assert_ne!(a["id"], b["id"]);
    assert_eq!(page.next("a").unwrap()["id"], a["id"], "a page that is loaded again");
    let gold = gold(&sandbox);
    for _ in 0..10 {
        let text = page.next("a").unwrap();
        page.answer("a", &text["id"], &gold[text["id"].as_str().unwrap()]);
        if text["left"] == 1 {
            break;
        }
    }
    // Texts that nobody has labeled come first, and a new batch may be there by now.
    let mut by_b = 0;
    while let Ok(text) = page.next("b") {
        page.answer("b", &text["id"], &gold[text["id"].as_str().unwrap()]);
        by_b += 1;
    }
    assert_eq!(by_b, 60);
    let progress = page.get("/api/progress").json();
    assert_eq!(progress["agreement"]["texts"], 10, "those of a");
    assert_eq!(progress["agreement"]["overall"], 1.0);
    assert_eq!(progress["people"].as_array().unwrap().len(), 2);
}

#[test]
fn answers_are_corrected_skipped_and_given_twice_without_harm() {
    let sandbox = project(true);
    let page = Page::serve(&sandbox, &[]);
    let text = page.next("kim").unwrap();
    let label = sandbox.read("labels.txt").lines().next().unwrap().to_owned();
    let mut given = answer("kim", &text["id"], std::slice::from_ref(&label));
    given["note"] = json!("  not sure ");
    let at = page.post("/api/answer", &given).json()["at"].clone();
    assert_eq!(page.post("/api/answer", &given).json()["at"], at, "the same again");
    assert_eq!(annotations(&sandbox).len(), 1);
    let id = text["id"].as_str().unwrap();
    let again = page.get(&format!("/api/text?who=kim&id={id}")).json()["text"].clone();
    assert_eq!(
        again["answer"],
        json!({ "labels": [label], "status": "labeled", "note": "not sure" })
    );
    let skip = json!({ "who": "kim", "id": text["id"], "labels": [], "status": "skipped" });
    assert_eq!(page.post("/api/answer", &skip).status, 200);
    let history = page.get("/api/history?who=kim").json();
    assert_eq!(history["answers"].as_array().unwrap().len(), 1);
    assert_eq!(history["answers"][0]["status"], "skipped");
    assert_eq!(page.get("/api/progress").json()["skipped"], 1);
    assert_eq!(page.get("/api/history?who=lee").json()["answers"], json!([]));
}

#[test]
fn skipped_texts_do_not_keep_a_project_from_going_on() {
    let sandbox = project(true);
    let gold = gold(&sandbox);
    let mut page = Page::serve(&sandbox, &[]);
    for n in 0..25 {
        let text = page.next("kim").unwrap();
        let mut given = answer("kim", &text["id"], &gold[text["id"].as_str().unwrap()]);
        if n % 3 == 0 {
            given["labels"] = json!([]);
            given["status"] = json!("skipped");
        }
        assert_eq!(page.post("/api/answer", &given).status, 200);
    }
    page.kill();
    let page = Page::serve(&sandbox, &[]);
    label_all(&page, &gold);
    let progress = page.get("/api/progress").json();
    assert_eq!((&progress["answered"], &progress["skipped"]), (&json!(51), &json!(9)));
}

#[test]
fn requests_that_nobody_should_make_are_refused() {
    let sandbox = project(true);
    let page = Page::serve(&sandbox, &[]);
    let (host, id) = (page.address.clone(), page.next("kim").unwrap()["id"].clone());
    let check = |head: &str, body: &[u8], status: u16| {
        let answered = page.raw(head, body).unwrap();
        assert_eq!(answered.status, status, "{head}: {}", answered.body);
        assert!(answered.head.contains("content-security-policy: default-src 'none'"));
        if status >= 400 && head.contains("/api/") {
            assert!(answered.json()["error"].is_string(), "{}", answered.body);
        } else if status >= 400 {
            assert!(answered.body.contains("hint"), "{}", answered.body);
        }
    };
    let good = answer("kim", &id, &[]).to_string();
    let post = |more: &str| format!("POST /api/answer HTTP/1.1\r\nHost: {host}{more}");
    check(&post(""), good.as_bytes(), 403);
    check(&post("\r\nX-Alhost: 1\r\nOrigin: http://evil.example"), good.as_bytes(), 403);
    check(&post("\r\nX-Alhost: 1\r\nSec-Fetch-Site: cross-site"), good.as_bytes(), 403);
    check("GET / HTTP/1.1\r\nHost: evil.example", b"", 421);
    check(&format!("GET /../../etc/passwd HTTP/1.1\r\nHost: {host}"), b"", 404);
    check(&format!("GET /%2e%2e/project.toml HTTP/1.1\r\nHost: {host}"), b"", 404);
    check(&format!("GET / HTTP/1.1\r\nHost: {host}"), b"", 200);
    let ours = post("\r\nX-Alhost: 1");
    check(&ours, b"{\"who\": \"kim\"", 400);
    check(&ours, b"\xff\xfe", 400);
    check(&ours, &vec![b' '; 3 << 20], 413);
    let wrong = |change: fn(&mut Value)| {
        let mut given = answer("kim", &id, &[]);
        change(&mut given);
        given.to_string().into_bytes()
    };
    check(&ours, &wrong(|given| given["who"] = json!(" ")), 400);
    check(&ours, &wrong(|given| given["who"] = json!("a\nb")), 400);
    check(&ours, &wrong(|given| given["id"] = json!("../p")), 404);
    check(&ours, &wrong(|given| given["labels"] = json!(["nobody knows it"])), 409);
    check(&ours, &wrong(|given| given["labels"] = json!(["a\nb"])), 400);
    check(&ours, &wrong(|given| given["status"] = json!("shipped")), 400);
    check(&ours, &wrong(|given| given["admin"] = json!(true)), 400);
    assert_eq!(annotations(&sandbox), Vec::<Value>::new());
    check(&ours, good.as_bytes(), 200);
}

#[test]
fn beyond_this_machine_a_token_is_wanted() {
    let sandbox = project(true);
    let page = Page::serve_on(&sandbox, "0.0.0.0:0", &[]);
    let token = page.query.strip_prefix("?token=").unwrap().to_owned();
    assert_eq!(token.len(), 32);
    let get = |path: &str, cookie: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}", page.address);
        page.raw(&head, b"").unwrap()
    };
    assert_eq!(get("/", "").status, 401);
    assert_eq!(get("/?token=00000000000000000000000000000000", "").status, 401);
    assert_eq!(get("/api/project", "alhost-token=wrong").status, 401);
    let welcome = get(&format!("/?token={token}"), "");
    assert_eq!(welcome.status, 303);
    assert!(welcome.head.contains("HttpOnly; SameSite=Strict"), "{}", welcome.head);
    assert_eq!(get("/api/project", &format!("a=b; alhost-token={token}")).status, 200);
}

#[test]
fn one_server_a_project_and_one_program_a_port() {
    let sandbox = project(true);
    let page = Page::serve(&sandbox, &[]);
    let serve = |listen: &str| {
        let mut command = sandbox.command();
        ran(&command.args(["label", "serve", "p", "--listen", listen]).output().unwrap())
    };
    serve("0").refused(&["another process works on this project", "hint: "]);
    serve(&page.address).refused(&["cannot be listened on", "hint: "]);
    serve("nowhere.invalid:1").refused(&["is no address", "hint: "]);
    sandbox.alhost(&["label", "import", "p", "texts.jsonl"]).refused(&["another process"]);
    let text = page.next("kim").unwrap();
    page.answer("kim", &text["id"], &[]);
    let status = sandbox.alhost(&["label", "status", "p"]).ok();
    assert!(status.stdout.contains("1 of 60 texts labeled"), "{}", status.stdout);
}

#[test]
fn damage_to_a_project_is_told_and_nothing_is_overwritten() {
    let sandbox = project(true);
    let check = |file: &str, content: &str, parts: &[&str]| {
        let whole = sandbox.read(file);
        sandbox.write(file, content);
        sandbox.alhost(&["label", "next", "p", "--to", "csv"]).refused(parts);
        assert_eq!(sandbox.read(file), content);
        sandbox.write(file, &whole);
    };
    check("p/annotations.jsonl", "{\"id\": 1}\n", &["annotations.jsonl", "line 1"]);
    let line = |id: &str, label: &str| {
        format!(
            "{{\"id\":\"{id}\",\"labels\":[\"{label}\"],\"status\":\"labeled\",\"by\":\"a\",\"at\":1}}\n"
        )
    };
    check("p/annotations.jsonl", &line("nobody's", "x"), &["there is no text `nobody", "hint: "]);
    let id = rows(&sandbox)[0]["id"].as_str().unwrap().to_owned();
    check("p/annotations.jsonl", &line(&id, "unheard"), &["there is no label `unheard`", "hint: "]);
    check("p/labels.txt", "a\na\n", &["labels.txt", "second time"]);
    check("p/texts.jsonl", "", &["texts.jsonl"]);
    check("p/project.toml", "name = 3", &["project.toml"]);
}

#[test]
fn html_in_texts_and_labels_stays_text() {
    let sandbox = project(true);
    let evil = "<script>alert(1)</script><img src=x onerror=alert(2)>";
    let page = Page::serve(&sandbox, &[]);
    let text = page.next("kim").unwrap();
    let mut given = answer(evil, &text["id"], &[evil.to_owned()]);
    given["new_labels"] = json!([evil]);
    assert_eq!(page.post("/api/answer", &given).status, 200);
    let labels = page.get("/api/labels?q=script");
    assert!(labels.head.contains("content-type: application/json"), "{}", labels.head);
    assert_eq!(labels.json()["labels"][0]["name"], evil);
    let index = page.get("/").body;
    assert!(!index.contains("<script>") && !index.contains("style="), "nothing inline");
    assert!(!index.contains("http://") && !index.contains("https://"), "nothing from elsewhere");
}

#[test]
fn twenty_people_lose_no_answer() {
    let sandbox = project(true);
    let page = Page::serve(&sandbox, &["--set", "label.overlap=1"]);
    let gold = gold(&sandbox);
    let confirmed: usize = std::thread::scope(|scope| {
        let people: Vec<_> = (0..20)
            .map(|who| {
                let (page, gold) = (&page, &gold);
                scope.spawn(move || {
                    let (who, mut confirmed) = (format!("person {who}"), 0);
                    loop {
                        let next = page.post("/api/next", &json!({ "who": who })).json();
                        page.get("/api/progress");
                        page.get("/api/labels?q=l");
                        if next["waiting"]["why"] == "finished" {
                            break;
                        }
                        let Some(text) = next.get("text") else { continue };
                        let labels = &gold[text["id"].as_str().unwrap()];
                        let answered = page.answer(&who, &text["id"], labels);
                        assert_eq!(answered.status, 200, "{}", answered.body);
                        confirmed += 1;
                    }
                    confirmed
                })
            })
            .collect();
        people.into_iter().map(|person| person.join().unwrap()).sum()
    });
    assert_eq!(annotations(&sandbox).len(), confirmed);
    let progress = page.get("/api/progress").json();
    assert_eq!(progress["answered"], 60, "{progress}");
    assert!(confirmed >= 60, "{confirmed}");
}
