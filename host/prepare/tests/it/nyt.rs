//! The New York Times Annotated Corpus: NITF, an archive a month or unpacked.

use alhost_prepare::{Choices, IdFiles, LeafRule};

use crate::support::{Sandbox, gz, tar};

/// One article; `body` is what stands in `body.content`.
fn article(id: u32, classifiers: &[&str], body: &str) -> Vec<u8> {
    let classifier = |path: &&str| {
        format!(
            "<classifier class=\"online_producer\" type=\"taxonomic_classifier\">{path}</classifier>\n"
        )
    };
    let classifiers = classifiers.iter().map(classifier).collect::<Vec<_>>().concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE nitf SYSTEM \"http://www.nitf.org/IPTC/NITF/3.3/specification/dtd/nitf-3-3.dtd\">\n\
         <nitf change.date=\"June 10, 2005\" version=\"-//IPTC//DTD NITF 3.3//EN\">\n<head><title>No</title>\n\
         <docdata><doc-id id-string=\"{id}\"/>\n<identified-content>\n\
         <classifier class=\"indexing_service\" type=\"descriptor\">CATS</classifier>\n\
         <classifier class=\"online_producer\" type=\"general_descriptor\">Dogs</classifier>\n{classifiers}\
         </identified-content></docdata><pubdata date.publication=\"19870101T000000\"/></head>\n\
         <body><body.head><hedline><hl1>Headline &amp; {id}</hl1></hedline>\n\
         <abstract><p>Abstract.</p></abstract></body.head>\n\
         <body.content>{body}</body.content></body></nitf>\n"
    )
    .into_bytes()
}

const BODY: &str = "<block class=\"lead_paragraph\"><p>LEAD: One   caf&#233;.</p></block>\n\
                    <block class=\"full_text\"><p>LEAD: One   caf&#233;.</p>\n<p>Two\n&lt;R&amp;D&gt; &eacute;.</p></block>";

const EUROPE: &[&str] = &["Top/News/World/Europe", "Top/News/World", "Top/News", "Top/News"];

fn file(day: &str, id: u32, classifiers: &[&str], body: &str) -> (String, Vec<u8>) {
    (format!("{day}/{id:07}.xml"), article(id, classifiers, body))
}

fn january() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = (0..20).map(|id| file("01/01", id, EUROPE, BODY)).collect();
    files.extend((200..260).map(|id| file("01/01", id, EUROPE, BODY)));
    files.push(file("01/02", 20, &["Top/Features/Travel", "Top/News/World/Europe"], BODY));
    files.push(file("01/02", 21, &[], BODY));
    files.push(file("01/02", 22, EUROPE, "<block class=\"lead_paragraph\"><p>Lead.</p></block>"));
    let blocks = "<block class=\"full_text\"><p>First.</p></block><block class=\"full_text\"><p/><p>Second.</p></block>";
    files.push(file("01/31", 23, EUROPE, blocks));
    files
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("data/1987/01.tgz", gz(tar(&january())));
    sandbox.write("docs/nitf.xml", "not an article");
    sandbox
}

fn everything() -> Choices {
    Choices { sample: Some(1.0), min_count: Some(1), ..Choices::default() }
}

fn text(fields: &[&str]) -> Choices {
    let fields = fields.iter().map(|&field| field.to_owned()).collect();
    Choices { text: Some(fields), ..everything() }
}

#[test]
fn the_full_text_is_read_without_its_lead_twice() {
    let sandbox = sandbox();
    let made = sandbox.make("nyt", &everything());
    let all = made.all();
    assert_eq!(all["0"].text, "LEAD: One caf\u{e9}.\nTwo <R&D> \u{e9}.");
    assert_eq!(all["0"].labels, ["Top/News/World/Europe"]);
    assert_eq!(all["20"].labels, ["Top/Features/Travel", "Top/News/World/Europe"]);
    assert_eq!(all["23"].text, "First.\nSecond.");
    assert_eq!(made.left_out("without a full text"), 1);
    assert_eq!(made.left_out("without a label"), 1);
    assert_eq!(all.len(), 82);
    assert_eq!(made.classes(), ["Top/Features/Travel", "Top/News/World/Europe"]);
    assert!(made.file("labels.tsv").contains("\tTop/News/World\t"), "{}", made.file("labels.tsv"));
}

#[test]
fn all_labels_stay_without_a_leaf_rule() {
    let sandbox = sandbox();
    let made = sandbox.make("nyt", &Choices { leaf: Some(LeafRule::None), ..everything() });
    assert_eq!(made.all()["0"].labels, ["Top/News/World/Europe", "Top/News/World", "Top/News"]);
}

#[test]
fn fields_of_the_text_can_be_chosen() {
    let with_headline = sandbox().make("nyt", &text(&["headline", "full_text"])).all();
    assert_eq!(with_headline["23"].text, "Headline & 23\nFirst.\nSecond.");
    let hilap = sandbox().make("nyt", &text(&["hilap"])).all();
    assert_eq!(
        hilap["0"].text, "LEAD: One caf\u{e9}.LEAD: One caf\u{e9}.Two <R&D> \u{e9}.",
        "every paragraph after the first, words fused"
    );
}

#[test]
fn archives_and_folders_give_the_same() {
    let expected = sandbox().make("nyt", &everything()).all();
    let unpacked = Sandbox::new();
    for (name, bytes) in january() {
        unpacked.write(&format!("data/1987/01/{name}"), bytes);
    }
    assert_eq!(unpacked.make("nyt", &everything()).all(), expected);

    // What the catalogue hands out: the whole corpus in one archive.
    let nested = Sandbox::new();
    let month = ("nyt_corpus/data/1987/01.tgz".to_owned(), gz(tar(&january())));
    nested.write("nyt_corpus_LDC2008T19.tgz", gz(tar(&[month])));
    assert_eq!(nested.make("nyt", &everything()).all(), expected);

    // Unpacked in part, beside the archive.
    let both = sandbox();
    both.write("data/1987/01/01/01/0000000.xml", article(0, EUROPE, BODY));
    let made = both.make("nyt", &everything());
    assert_eq!(made.all(), expected);
    assert_eq!(made.remarked("folders beside an archive of their name, not read"), 1);
}

#[test]
fn a_sample_is_drawn_by_default_and_lists_replace_it() {
    let half = Choices { sample: Some(0.5), ..everything() };
    let sandbox = sandbox();
    let made = sandbox.make("nyt", &half);
    let n_not = made.left_out("not in the sample");
    assert!((20..=64).contains(&n_not), "{n_not}");
    assert!(sandbox.error("nyt", &Choices::default()).contains("not in the sample"));

    let lists = ["train", "dev", "test"].map(|part| sandbox.path(&format!("idnewnyt_{part}.json")));
    fs_err::write(&lists[0], "Nytimes/1987/0000003.xml\nNytimes/1987/0000001.xml\n").unwrap();
    fs_err::write(&lists[1], "Nytimes/1987/0000000.xml\n").unwrap();
    fs_err::write(&lists[2], "Nytimes/1987/0000020.xml\nNytimes/2007/1854918.xml\n").unwrap();
    let [train, dev, test] = lists;
    let ids = Some(IdFiles { train, dev, test });
    let made = sandbox.make("nyt", &Choices { ids, min_count: Some(1), ..Choices::default() });
    assert_eq!(made.ids("train"), ["1", "3"]);
    assert_eq!(made.ids("dev"), ["0"]);
    assert_eq!(made.ids("test"), ["20"]);
    assert_eq!(made.remarked("ids of the lists that are not in the source"), 1);
}

#[test]
fn a_truncated_archive_is_named() {
    let sandbox = sandbox();
    let whole = gz(tar(&january()));
    sandbox.write("data/1987/02.tgz", &whole[..whole.len() / 2]);
    let error = sandbox.error("nyt", &everything());
    assert!(error.contains("data/1987/02.tgz") && error.contains("cannot be read"), "{error}");
    assert!(error.contains("hint: ") && error.contains("truncated"), "{error}");
}

#[test]
fn a_broken_article_is_named_with_its_archive_and_line() {
    let check = |body: &str, expected: &str| {
        let sandbox = sandbox();
        sandbox.write("data/1987/02.tgz", gz(tar(&[file("02/01", 99, EUROPE, body)])));
        let error = sandbox.error("nyt", &everything());
        assert!(error.contains("data/1987/02.tgz:02/01/0000099.xml: line "), "{error}");
        assert!(error.contains(expected), "{error}");
    };
    check("<block class=\"full_text\"><p>One</block></p>", "</block>");
    check("<block class=\"full_text\"><p>One</p>", "</body.content>");
    let sandbox = sandbox();
    sandbox
        .write("data/1987/02/02/01/0000098.xml", b"<?xml version=\"1.0\"?>\n<nitf>caf\xE9</nitf>");
    let error = sandbox.error("nyt", &everything());
    assert!(error.contains("0000098.xml: line 2: the bytes are not UTF-8"), "{error}");
}

#[test]
fn without_the_corpus_it_is_said_where_it_is_obtained() {
    let error = Sandbox::new().error("nyt", &everything());
    assert!(error.contains("`data/1987/01.tgz`"), "{error}");
    assert!(
        error.contains("LDC2008T19") && error.contains("licence: LDC user agreement"),
        "{error}"
    );
}
