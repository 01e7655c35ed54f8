//! RCV1-v2: stories in ISO-8859-1, their labels and split in the files of LYRL2004.

use alhost_prepare::{Choices, LeafRule};

use crate::support::{Sandbox, gz, tar, zip};

const TOPICS: &str = "\
parent: None  child: Root  child-description: Root
parent: Root  child: CCAT  child-description: CORPORATE/INDUSTRIAL
parent: CCAT  child: C15  child-description: PERFORMANCE
parent: C15  child: C151  child-description: ACCOUNTS/EARNINGS
parent: Root  child: GCAT  child-description: GOVERNMENT/SOCIAL
";

/// 2300 to 2339 are train, 26151 and later test; 30000 has no topic, 30001 no text.
const TRAIN: std::ops::Range<u32> = 2300..2340;

fn story(id: u32) -> Vec<u8> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\" ?>\n\
         <newsitem itemid=\"{id}\" id=\"root\" date=\"1996-08-20\" xml:lang=\"en\">\n\
         <title>FRANCE: Title.</title>\n<headline>Soci@t@ &amp; Fils {id}.</headline>\n\
         <dateline>PARIS 1996-08-20</dateline>\n<text>\n<p>Profit &gt; loss, caf&eacute;.</p>\n\
         <p>Second\nline.</p>\n</text>\n<copyright>(c) Reuters Limited 1996</copyright>\n\
         <metadata><codes class=\"bip:topics:1.0\"><code code=\"WRONG\"></code></codes></metadata>\n\
         </newsitem>\n"
    );
    xml.bytes().map(|byte| if byte == b'@' { 0xe9 } else { byte }).collect()
}

fn ids() -> Vec<u32> {
    TRAIN.chain([26_151, 810_596, 30_000]).collect()
}

fn labels(sandbox: &Sandbox) {
    sandbox.write("rcv1.topics.hier.orig", TOPICS);
    let listed = ids().into_iter().chain([30_001]);
    let list: Vec<String> = listed.clone().map(|id| format!("{id}\n")).collect();
    sandbox.write("rcv1v2-ids.dat", list.concat());
    let qrels: Vec<String> = listed
        .filter(|&id| id != 30_000)
        .map(|id| format!("C15 {id} 1\nC151 {id} 1\nCCAT {id} 1\n"))
        .collect();
    sandbox.write("rcv1-v2.topics.qrels.gz", gz(qrels.concat() + "GCAT 2300 1\nGCAT 9999 1\n"));
}

/// Every story of the collection, and one that was removed from it.
fn stories() -> Vec<(String, Vec<u8>)> {
    let ids = ids().into_iter().chain([2_999]);
    ids.map(|id| (format!("{id}newsML.xml"), story(id))).collect()
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    labels(&sandbox);
    for (name, bytes) in stories() {
        sandbox.write(&format!("rcv1/19960820/{name}"), bytes);
    }
    sandbox.write("rcv1/codes/topic_codes.txt", "CCAT\tCORPORATE/INDUSTRIAL\n");
    sandbox
}

#[test]
fn texts_come_from_the_stories_and_labels_from_the_qrels() {
    let sandbox = sandbox();
    let made = sandbox.make("rcv1", &Choices::default());
    let all = made.all();
    assert_eq!(
        all["2301"].text,
        "Soci\u{e9}t\u{e9} & Fils 2301.\nProfit > loss, caf\u{e9}.\nSecond line."
    );
    assert_eq!(all["2301"].labels, ["C151"]);
    let mut both = all["2300"].labels.clone();
    both.sort();
    assert_eq!(both, ["C151", "GCAT"]);
    assert_eq!(made.left_out("not in RCV1-v2"), 1);
    assert_eq!(made.left_out("without a label"), 1);
    assert_eq!(made.remarked("stories of RCV1-v2 that are not in the source"), 1);
    assert!(made.file("labels.tsv").contains("C151\tACCOUNTS/EARNINGS\tC15\t"));
}

#[test]
fn the_split_is_that_of_lyrl2004_and_dev_is_drawn_from_train() {
    let sandbox = sandbox();
    let made = sandbox.make("rcv1", &Choices::default());
    assert_eq!(made.ids("test"), ["26151", "810596"]);
    let [n_train, n_dev, _] = made.prepared.n_texts;
    assert_eq!(n_train + n_dev, 40);
    assert!((1..=12).contains(&n_dev), "{n_dev}");
}

#[test]
fn the_leaf_rule_and_the_text_can_be_chosen() {
    let fields = Some(vec!["body".to_owned()]);
    let choices = Choices { leaf: Some(LeafRule::None), text: fields, ..Choices::default() };
    let all = sandbox().make("rcv1", &choices).all();
    assert_eq!(all["2301"].text, "Profit > loss, caf\u{e9}.\nSecond line.");
    assert_eq!(all["2301"].labels.len(), 3);
}

#[test]
fn days_as_zips_and_the_whole_as_a_tar_are_read() {
    let expected = sandbox().make("rcv1", &Choices::default()).all();
    // zip() takes text; the bytes of é make no difference to what is tested here.
    let xml = |bytes: Vec<u8>| bytes.into_iter().filter(u8::is_ascii).collect::<Vec<u8>>();
    let files: Vec<(String, String)> = stories()
        .into_iter()
        .map(|(name, bytes)| (name, String::from_utf8(xml(bytes)).unwrap()))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let day = zip(&files);
    let days = Sandbox::new();
    labels(&days);
    days.write("19960820.zip", &day);
    let in_zip = days.make("rcv1", &Choices::default()).all();
    assert_eq!(in_zip.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());

    let whole = Sandbox::new();
    labels(&whole);
    let tarred = tar(&[("rcv1/19960820.zip".to_owned(), day)]);
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).unwrap();
    std::io::Write::write_all(&mut xz, &tarred).unwrap();
    let packed = xz.finish().unwrap();
    whole.write("rcv1.tar.xz", &packed);
    assert_eq!(whole.make("rcv1", &Choices::default()).all(), in_zip);

    whole.write("rcv1.tar.xz", &packed[..packed.len() / 2]);
    let error = whole.error("rcv1", &Choices::default());
    assert!(error.contains("rcv1.tar.xz") && error.contains("cannot be read"), "{error}");
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let check = |change: &dyn Fn(&Sandbox), expected: &str| {
        let sandbox = sandbox();
        change(&sandbox);
        let error = sandbox.error("rcv1", &Choices::default());
        assert!(error.contains(expected), "{error}");
    };
    let remove = |name: &'static str| {
        move |sandbox: &Sandbox| fs_err::remove_file(sandbox.source().join(name)).unwrap()
    };
    check(&remove("rcv1v2-ids.dat"), "no `rcv1v2-ids.dat`");
    check(&remove("rcv1-v2.topics.qrels.gz"), "no `rcv1-v2.topics.qrels`");
    check(&remove("rcv1.topics.hier.orig"), "licence: the stories: an agreement with NIST");
    let no_stories =
        |sandbox: &Sandbox| fs_err::remove_dir_all(sandbox.source().join("rcv1")).unwrap();
    check(&no_stories, "no `rcv1.tar.xz`");
    let no_id = |s: &Sandbox| s.write("rcv1/1newsML.xml", "<newsitem><text/></newsitem>");
    check(&no_id, "1newsML.xml: <newsitem> has no number as its `itemid`");
    let cut = |s: &Sandbox| s.write("rcv1/2301newsML.xml", &story(2301)[..170]);
    check(&cut, "2301newsML.xml: line 4: the file ends inside <headline>");
    let twice = |s: &Sandbox| s.write("rcv1/19960821/2301newsML.xml", story(2301));
    check(&twice, "two documents have the id `2301`");
    let topic = |s: &Sandbox| s.write("rcv1-v2.topics.qrels.gz", gz("E99 2300 1\n"));
    check(&topic, "document `2300` has the label `E99`");
    let cycle = |s: &Sandbox| {
        let line = "parent: C151  child: CCAT  child-description: x\n";
        s.write("rcv1.topics.hier.orig", format!("{TOPICS}{line}"));
    };
    check(&cycle, "the hierarchy of labels has a cycle");
}
