//! Files as the tools write them, letter by letter, and what is read of them.

use alhost_exchange::{Answer, Format, Imported, LabelSet, Suggestion, Task, export, import};

fn labels(separator: Option<&str>) -> LabelSet {
    let names = ["grain", "trade", "a/b"].map(str::to_owned).to_vec();
    LabelSet { names, separator: separator.map(str::to_owned) }
}

fn read(content: &str) -> Imported {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exported");
    fs_err::write(&path, content).unwrap();
    import(&path, None, &labels(Some("/"))).unwrap()
}

/// Checks the answers, written as `place|id|labels|by|at`, with `skipped` in the place of labels.
fn check(content: &str, format: Format, expected: &[&str]) -> Imported {
    let imported = read(content);
    assert_eq!(imported.format, format);
    let line = |answer: &Answer| {
        let labels = if answer.skipped { "skipped".to_owned() } else { answer.labels.join("+") };
        let (id, by) = (answer.id.as_deref().unwrap_or("-"), answer.by.as_deref().unwrap_or("-"));
        let at = answer.at.map_or("-".to_owned(), |at| at.to_string());
        format!("{}|{id}|{labels}|{by}|{at}", answer.place)
    };
    assert_eq!(imported.answers.iter().map(line).collect::<Vec<_>>(), expected, "{content}");
    imported
}

#[test]
fn label_studios_json() {
    let imported = check(
        r#"[{"id":1,"data":{"text":"t","alhost_id":"a17","alhost_project":"demo"},"annotations":[
            {"id":2,"completed_by":{"id":3,"email":"b@x.org"},"was_cancelled":false,"lead_time":4.3,
             "created_at":"2026-08-21T18:04:07Z","updated_at":"2026-08-21T18:05:06.5Z",
             "result":[{"id":"x","type":"choices","from_name":"labels","to_name":"text","value":{"choices":["grain","trade"]}},
                       {"id":"y","type":"rating","from_name":"sure","to_name":"text","value":{"rating":3}}]},
            {"id":1,"completed_by":1,"was_cancelled":true,"created_at":"2026-08-21T18:04:06Z","result":[]}],
          "drafts":[{"id":5}],"predictions":[]},
         {"id":2,"data":{"text":"u","alhost_id":"a18","alhost_project":"demo"},"annotations":[],"drafts":[]},
         {"id":3,"data":{"text":"v","alhost_id":7},"annotations":[{"completed_by":null,"result":[
             {"type":"taxonomy","from_name":"labels","to_name":"text","value":{"taxonomy":[["a","b"],["grain"]]}}]}]},
         {"id":4,"data":{"text":"w"},"annotations":[{"result":[
             {"type":"choices","from_name":"topic","to_name":"text","value":{"choices":["grain"]}}]}]}]"#,
        Format::LabelStudio,
        &[
            "item 1, annotation 2|a17|skipped|1|1787335446",
            "item 1, annotation 1|a17|grain+trade|b@x.org|1787335506",
            "item 3|7|a/b+grain|-|-",
        ],
    );
    assert_eq!((imported.unanswered, imported.drafts), (1, 1));
    assert_eq!(imported.project.as_deref(), Some("demo"));
    assert_eq!(imported.answers[1].seconds, Some(4.3));
    let (place, why) = &imported.rejected[0];
    assert!(place == "item 4" && why.contains(r#"answers `"topic"` and not `labels`"#), "{why}");
}

#[test]
fn three_shapes_of_one_field_in_label_studios_smaller_json() {
    let item = |id: &str, field: &str| {
        format!(
            r#"{{"text":"t","alhost_id":"{id}","id":1,"annotator":1,"annotation_id":2,{field}
               "created_at":"2026-08-21T18:04:06Z","updated_at":"2026-08-21T18:04:06Z","lead_time":1.5}}"#
        )
    };
    let items = [
        item("one", r#""labels":"grain","#),
        item("two", r#""labels":{"choices":["grain","trade"]},"#),
        item("none", ""),
        item("paths", r#""labels":[{"taxonomy":[["a","b"],["trade"]]}],"#),
    ];
    check(
        &format!("[{}]", items.join(",\n")),
        Format::LabelStudio,
        &[
            "item 1|one|grain|1|1787335446",
            "item 2|two|grain+trade|1|1787335446",
            "item 3|none||1|1787335446",
            "item 4|paths|a/b+trade|1|1787335446",
        ],
    );
}

#[test]
fn label_studios_table() {
    let table = r#""alhost_id","annotation_id","annotator","created_at","id","labels","lead_time","text","updated_at"
"one",4,"1","2026-08-21T18:04:06Z",1,"grain",4.3,"t, u","2026-08-21T18:04:06Z"
"two",5,"b@x.org","2026-08-21T18:04:06Z",2,"{""choices"":[""grain"",""a\/b""]}",4.3,"t","2026-08-21T18:04:06Z"
"none",6,"1","2026-08-21T18:04:06Z",3,"",4.3,"t",""
"open","","None","",4,"","","t",""
"#;
    let imported = check(
        table,
        Format::LabelStudio,
        &[
            "line 2|one|grain|1|1787335446",
            "line 3|two|grain+a/b|b@x.org|1787335446",
            "line 4|none||1|1787335446",
        ],
    );
    assert_eq!(imported.unanswered, 1);
    check(
        &table.replace('\n', "\r\n"),
        Format::LabelStudio,
        &[
            "line 2|one|grain|1|1787335446",
            "line 3|two|grain+a/b|b@x.org|1787335446",
            "line 4|none||1|1787335446",
        ],
    );
}

#[test]
fn argillas_records_on_disk_and_on_the_hub() {
    let imported = check(
        r#"[{"id":"a17","fields":{"text":"t"},"metadata":{"alhost_project":"demo"},"suggestions":{},
             "responses":{"labels":[{"value":["grain"],"user_id":"u1"},{"value":["trade"],"user_id":"u2"}]},
             "vectors":{},"_server_id":"s"},
            {"id":"a18","fields":{"text":"t"},"metadata":{},"suggestions":{},"responses":{},"vectors":{}}]"#,
        Format::Argilla,
        &["item 1, response 1|a17|grain|u1|-", "item 1, response 2|a17|trade|u2|-"],
    );
    assert_eq!(imported.unanswered, 1);
    assert!(imported.notes[0].contains("do not say which responses were drafts"));

    let imported = check(
        r#"{"id":"a17","text":"t","labels.responses":[["grain"],null,["trade"],["x"]],
            "labels.responses.users":["u1","u2","u3","u4"],"labels.suggestion":null,
            "labels.responses.status":["submitted","discarded","draft","pending"]}
           {"id":"a18","text":"t","labels.responses":[["grain"]],"labels.responses.status":["draft"]}
           {"id":"a19","text":"t","labels.responses":null}"#
            .replace("\n            ", " ")
            .as_str(),
        Format::Argilla,
        &["line 1, response 1|a17|grain|u1|-", "line 1, response 2|a17|skipped|u2|-"],
    );
    assert_eq!((imported.unanswered, imported.drafts, imported.notes.len()), (2, 2, 0));
    assert!(imported.rejected[0].1.contains("`pending` is none of"), "{:?}", imported.rejected);
}

#[test]
fn doccanos_lines_and_table() {
    let imported = check(
        "{\"id\":12,\"text\":\"t\",\"alhost_id\":\"a17\",\"label\":[\"grain\",\"trade\"],\"Comments\":[]}\n\
         {\"id\":13,\"text\":\"u\",\"label\":[],\"Comments\":[]}\n",
        Format::Doccano,
        &["line 1|a17|grain+trade|-|-", "line 2|-||-|-"],
    );
    assert!(imported.notes[0].contains("only approved documents"));
    let imported = check(
        "id,text,alhost_id,label,Comments\n1,t,a17,grain#trade,\n2,t,a18,grain#new,\n3,t,a19,new,\n",
        Format::Doccano,
        &["line 2|a17|grain+trade|-|-", "line 4|a19|new|-|-"],
    );
    assert_eq!(imported.rejected[0].0, "line 3");
}

#[test]
fn prodigys_answers() {
    let line = |answer: &str, accept: &str| {
        format!(
            r#"{{"text":"t","options":[{{"id":"grain","text":"grain"}}],{accept}"meta":{{"alhost_id":"a17"}},"answer":"{answer}","_input_hash":1,"_task_hash":2,"_timestamp":1787335446,"_annotator_id":"ann"}}"#
        )
    };
    let lines = [
        line("accept", r#""accept":["grain","trade"],"#),
        line("ignore", r#""accept":["grain"],"#),
        line("reject", r#""accept":["grain"],"#),
        line("accept", ""),
        line("perhaps", ""),
    ];
    let imported = check(
        &lines.join("\n"),
        Format::Prodigy,
        &["line 1|a17|grain+trade|ann|1787335446", "line 2|a17|skipped|ann|1787335446"],
    );
    let whys: Vec<&str> = imported.rejected.iter().map(|(_, why)| why.as_str()).collect();
    assert!(whys[0].contains("does not say what the right labels are"), "{whys:?}");
    assert!(whys[1].contains("has no `accept`"), "{whys:?}");
    assert!(whys[2].contains("none of accept, reject and ignore"), "{whys:?}");
}

#[test]
fn our_own_lines_and_tables() {
    let imported = check(
        "\u{feff}{\"id\":\"a17\",\"labels\":[\"grain\",\"grain\"]}\r\n\r\n\
         {\"id\":18,\"text\":\"t\",\"labels\":[],\"status\":\"labeled\",\"by\":\"ann\",\"at\":1787335446,\"seconds\":2}\n\
         {\"id\":\"a19\",\"status\":\"skipped\",\"at\":\"2026-08-21T18:04:06Z\"}\n\
         {\"id\":\"a20\",\"labels\":null}\n\
         {\"id\":\"a21\",\"status\":\"labeled\"}\n\
         {\"id\":\"a22\",\"labels\":\"grain\"}\n\
         {\"id\":\"a23\",\"labels\":[\"\"]}\n\
         {\"labels\":[\"grain\"]}\n\
         {\"id\":\"a24\",\"labels\":[],\"at\":\"soon\"}\n",
        Format::Jsonl,
        &["line 1|a17|grain|-|-", "line 3|18||ann|1787335446", "line 4|a19|skipped|-|1787335446"],
    );
    assert_eq!(imported.unanswered, 1);
    let places: Vec<&str> = imported.rejected.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["line 6", "line 7", "line 8", "line 9", "line 10"]);

    let imported = check(
        "id;text;labels;status;by\na17;t;\"[\"\"grain\"\",\"\"trade\"\"]\";;\na18;t;grain;;ann\na19;t;;skipped;\n\
         a20;t;;;\na21;t;grain, trade;;\na22;t;[];labeled;\n",
        Format::Csv,
        &[
            "line 2|a17|grain+trade|-|-",
            "line 3|a18|grain|ann|-",
            "line 4|a19|skipped|-|-",
            "line 7|a22||-|-",
        ],
    );
    assert_eq!((imported.unanswered, imported.rejected.len()), (1, 1));
    assert!(imported.rejected[0].1.contains("neither a list such as"), "{:?}", imported.rejected);
}

#[test]
fn sorting_label_studios_scores_gives_the_strategys_order() {
    let suggestion = Suggestion { label: "grain".to_owned(), probability: 0.41 };
    let tasks: Vec<Task> = (0..1000)
        .map(|n| Task {
            id: format!("a{n}"),
            text: "t".to_owned(),
            round: 3,
            suggestions: vec![suggestion.clone(); n % 2],
        })
        .collect();
    let files = export(Format::LabelStudio, &tasks, &labels(None), "demo").unwrap();
    let mut items: Vec<serde_json::Value> = serde_json::from_slice(&files[1].1).unwrap();
    assert_eq!(items[1]["predictions"][0]["model_version"], "alhost-r3");
    items.reverse();
    items.sort_by(|a, b| {
        let score = |item: &serde_json::Value| item["predictions"][0]["score"].as_f64().unwrap();
        score(b).total_cmp(&score(a))
    });
    let ids: Vec<&str> =
        items.iter().map(|item| item["data"]["alhost_id"].as_str().unwrap()).collect();
    assert_eq!(ids, tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>());
}
