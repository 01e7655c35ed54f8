//! AG News: with and without a header, and with the artefacts of its making.

use alhost_prepare::{Choices, PrepareError, SplitKind};

use crate::support::{Made, Sandbox, gz};

const ORIGINAL: &str = "\"3\",\"Wall St. Bears, Back\",\"Reuters - Short-sellers, \"\"ultra\"\" cynics\\band\"\n\
                        \"4\",\"Costs #36;5\",\"A &lt;b&gt; chip\"\n\
                        \"1\",\"Title\",\"\"\n\
                        \"2\",\"Win\",\"The second\\team won\"\n";
const HEADER: &str = "Class Index,Title,Description\n";

fn made(train: &str, choices: &Choices) -> Result<Made, PrepareError> {
    let sandbox = Sandbox::new();
    sandbox.write("train.csv", train);
    sandbox.write("test.csv", "\"1\",\"Test\",\"A test\"\n");
    let made = sandbox.prepare("ag-news", choices)?;
    // Read before the folder goes.
    let all = made.all();
    assert_eq!(all.len(), 5);
    check_texts(&made, choices.clean);
    Ok(made)
}

fn check_texts(made: &Made, clean: bool) {
    let all = made.all();
    let text = |id: &str| all[id].text.clone();
    let expected = if clean {
        [
            "Wall St. Bears, Back Reuters - Short-sellers, \"ultra\" cynics band",
            "Costs $5 A <b> chip",
            "Win The second team won",
        ]
    } else {
        [
            "Wall St. Bears, Back Reuters - Short-sellers, \"ultra\" cynics\\band",
            "Costs #36;5 A &lt;b&gt; chip",
            "Win The second\\team won",
        ]
    };
    assert_eq!([text("train-1"), text("train-2"), text("train-4")], expected);
    assert_eq!(all["train-2"].labels, ["Sci/Tech"]);
    assert_eq!(all["test-1"].labels, ["World"]);
}

/// The default takes 7,600 texts for dev, more than the replica has.
fn half() -> Choices {
    Choices { dev_share: Some(0.5), ..Choices::default() }
}

#[test]
fn the_original_and_the_copy_with_a_header_are_the_same() {
    for train in [ORIGINAL.to_owned(), HEADER.to_owned() + ORIGINAL] {
        let made = made(&train, &half()).unwrap();
        assert_eq!(made.prepared.n_texts, [2, 2, 1]);
        assert_eq!(made.prepared.n_classes, 4);
    }
}

#[test]
fn the_archive_is_read_as_it_is() {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, text) in [
        ("classes.txt", "World\n"),
        ("train.csv", ORIGINAL),
        ("test.csv", "\"1\",\"Test\",\"A test\"\n"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, format!("ag_news_csv/{name}"), text.as_bytes()).unwrap();
    }
    let tar = tar.into_inner().unwrap();
    for (name, bytes) in [("ag_news_csv.tgz", gz(&tar)), ("ag_news_csv.tar", tar)] {
        let sandbox = Sandbox::new();
        sandbox.write(name, bytes);
        check_texts(&sandbox.make("ag-news", &half()), false);
    }
}

#[test]
fn artefacts_are_cleaned_if_asked() {
    made(ORIGINAL, &Choices { clean: true, ..half() }).unwrap();
}

#[test]
fn the_title_alone_can_be_the_text() {
    let sandbox = Sandbox::new();
    sandbox.write("train.csv", ORIGINAL);
    sandbox.write("test.csv", "\"1\",\"Test\",\"A test\"\n");
    let choices = Choices { text: Some(vec!["title".to_owned()]), ..half() };
    assert_eq!(sandbox.make("ag-news", &choices).all()["train-4"].text, "Win");
    let choices = Choices { text: Some(vec!["description".to_owned()]), ..half() };
    let made = sandbox.make("ag-news", &choices);
    assert_eq!(made.left_out("without text"), 1);
}

#[test]
fn a_small_train_file_is_all_taken_for_dev() {
    let error = made(ORIGINAL, &Choices::default()).err().unwrap().to_string();
    assert!(error.contains("no train text is left"), "{error}");
}

#[test]
fn other_choices_are_refused() {
    let check = |choices: Choices, expected: &str| {
        let error = made(ORIGINAL, &choices).err().unwrap().to_string();
        assert!(error.contains(expected) && error.contains("hint: "), "{error}");
    };
    let none = Choices::default;
    check(Choices { split: Some(SplitKind::Official), ..none() }, "`--split official`");
    check(Choices { split: Some(SplitKind::Bernoulli), ..none() }, "exact number of texts");
    check(Choices { test_share: Some(0.1), ..none() }, "its test split is official");
    check(Choices { limit: Some(3), ..none() }, "`--limit` does not apply to AG News");
    check(Choices { dev_share: Some(1.0), ..none() }, "above 0 and below 1");
    let text = Some(vec!["titel".to_owned()]);
    check(Choices { text, ..none() }, "no field `titel`; the fields are title, description");
}

#[test]
fn a_class_beyond_the_four_is_an_error() {
    let error = made("\"5\",\"a\",\"b\"\n", &half()).err().unwrap().to_string();
    assert!(error.contains("train.csv:1: the class is `5`"), "{error}");
}
