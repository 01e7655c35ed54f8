//! The files of RCV1-v2/LYRL2004 that say what the CDs do not: which stories belong to the
//! collection, their corrected topics, the topics' hierarchy, and the split.

use std::io::BufRead;

use crate::document::Part;

/// Says what is wrong with one line of one of these files.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub(crate) struct LineError {
    line: usize,
    what: String,
}

/// On-line appendix 7, `rcv1v2-ids.dat`: the 804,414 item ids of the collection, one a line.
pub(crate) struct ItemIds(Vec<u32>);

impl ItemIds {
    pub(crate) fn read(reader: impl BufRead) -> Result<Self, LineError> {
        let mut ids = Vec::new();
        each_line(reader, |line| {
            let id = line.parse().map_err(|_| format!("`{line}` is not an item id"))?;
            ids.push(id);
            Ok(())
        })?;
        ids.sort_unstable();
        ids.dedup();
        Ok(Self(ids))
    }

    pub(crate) fn contains(&self, id: u32) -> bool {
        self.0.binary_search(&id).is_ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// On-line appendix 8, `rcv1-v2.topics.qrels`: lines `E11 2286 1`, a topic and a story that has it.
///
/// Kept as 8 bytes a line: 2.6 million lines make 21 MB.
pub(crate) struct Qrels {
    topics: Vec<String>,
    /// Item id and index of the topic, sorted.
    rows: Vec<(u32, u16)>,
}

impl Qrels {
    pub(crate) fn read(reader: impl BufRead) -> Result<Self, LineError> {
        let mut topics: Vec<String> = Vec::new();
        let mut rows = Vec::new();
        each_line(reader, |line| {
            let (topic, id) = qrel(line)?;
            let known = topics.iter().position(|known| known == topic);
            let topic_idx = known.unwrap_or_else(|| {
                topics.push(topic.to_owned());
                topics.len() - 1
            });
            let topic_idx = u16::try_from(topic_idx).map_err(|_| "more than 65,536 topics")?;
            rows.push((id, topic_idx));
            Ok(())
        })?;
        rows.sort_unstable();
        rows.dedup();
        Ok(Self { topics, rows })
    }

    /// The topics of a story; none where the file does not name it.
    pub(crate) fn topics(&self, id: u32) -> Vec<String> {
        let start = self.rows.partition_point(|&(row, _)| row < id);
        let rows = self.rows[start..].iter().take_while(|&&(row, _)| row == id);
        rows.map(|&(_, topic)| self.topics[usize::from(topic)].clone()).collect()
    }
}

fn qrel(line: &str) -> Result<(&str, u32), String> {
    let wrong = || format!("`{line}` is not a topic, an item id and a 1, such as `E11 2286 1`");
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields[..] {
        [topic, id, "1"] => Ok((topic, id.parse().map_err(|_| wrong())?)),
        _ => Err(wrong()),
    }
}

/// A line of on-line appendix 2, `rcv1.topics.hier.orig`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) code: String,
    pub(crate) name: String,
    /// `None` for the four topics right below the root.
    pub(crate) parent: Option<String>,
}

/// Reads lines `parent: CCAT  child: C11  child-description: STRATEGY/PLANS`. The root, a line
/// `parent: None  child: Root`, is no topic and is left out.
pub(crate) fn read_topics(reader: impl BufRead) -> Result<Vec<Topic>, LineError> {
    let mut topics = Vec::new();
    each_line(reader, |line| {
        let (code, parent, name) = hierarchy_line(line).ok_or_else(|| {
            format!("`{line}` is not of the form `parent: P  child: C  child-description: D`")
        })?;
        if code != "Root" {
            let parent = (parent != "Root" && parent != "None").then(|| parent.to_owned());
            topics.push(Topic { code: code.to_owned(), name: name.to_owned(), parent });
        }
        Ok(())
    })?;
    Ok(topics)
}

/// The child, its parent and its description.
fn hierarchy_line(line: &str) -> Option<(&str, &str, &str)> {
    let (parent, rest) = line.strip_prefix("parent:")?.split_once("child:")?;
    let (child, description) = rest.split_once("child-description:")?;
    let (parent, child) = (parent.trim(), child.trim());
    (!parent.is_empty() && !child.is_empty()).then_some((child, parent, description.trim()))
}

/// The part of the LYRL2004 split that a story belongs to, by its item id: the 23,149 stories of
/// August 1996 are train, the 781,265 until August 1997 test. The same as membership in the token
/// files of on-line appendix 12.
pub(crate) fn part_of(id: u32) -> Option<Part> {
    match id {
        2286..=26150 => Some(Part::Train),
        26151..=810_596 => Some(Part::Test),
        _ => None,
    }
}

/// Calls `each` with every line that is not blank, and puts the line's number to its error.
fn each_line(
    mut reader: impl BufRead,
    mut each: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), LineError> {
    let mut text = String::new();
    for line in 1.. {
        text.clear();
        let error = |what: String| LineError { line, what };
        if reader.read_line(&mut text).map_err(|e| error(e.to_string()))? == 0 {
            break;
        }
        match text.trim() {
            "" => {}
            line => each(line).map_err(error)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_those_of_the_story() {
        let qrels =
            Qrels::read(&b"E11 2286 1\nECAT 2286 1\nM11 2287 1\nE11 2286 1\n\n"[..]).unwrap();
        let mut topics = qrels.topics(2286);
        topics.sort();
        assert_eq!(topics, ["E11", "ECAT"]);
        assert_eq!(qrels.topics(2287), ["M11"]);
        assert!(qrels.topics(2288).is_empty());
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = Qrels::read(&b"E11 2286 1\nE11 two 1\n"[..]).err().unwrap().to_string();
        assert_eq!(
            error,
            "line 2: `E11 two 1` is not a topic, an item id and a 1, such as `E11 2286 1`"
        );
        assert!(Qrels::read(&b"E11 2286 0\n"[..]).is_err());
        let error = ItemIds::read(&b"2286\nx\n"[..]).err().unwrap().to_string();
        assert_eq!(error, "line 2: `x` is not an item id");
        assert!(read_topics(&b"Root\tCCAT\n"[..]).is_err());
    }

    #[test]
    fn the_root_is_no_topic() {
        let lines = "parent: None  child: Root  child-description: Root\n\
                     parent: Root  child: CCAT  child-description: CORPORATE/INDUSTRIAL\n\
                     parent: CCAT  child: C11   child-description: STRATEGY/PLANS\n";
        let topics = read_topics(lines.as_bytes()).unwrap();
        assert_eq!(topics.len(), 2);
        assert_eq!(topics[0].parent, None);
        assert_eq!(topics[1].name, "STRATEGY/PLANS");
        assert_eq!(topics[1].parent.as_deref(), Some("CCAT"));
    }

    #[test]
    fn the_split_is_by_item_id() {
        assert_eq!(part_of(2285), None);
        assert_eq!(part_of(2286), Some(Part::Train));
        assert_eq!(part_of(26150), Some(Part::Train));
        assert_eq!(part_of(26151), Some(Part::Test));
        assert_eq!(part_of(810_596), Some(Part::Test));
        assert_eq!(part_of(810_597), None);
    }

    #[test]
    fn ids_are_found_whatever_their_order() {
        let ids = ItemIds::read(&b"2290\n2286\n2286\n"[..]).unwrap();
        assert!(ids.contains(2286) && ids.contains(2290) && !ids.contains(2287));
        assert_eq!(ids.len(), 2);
    }
}
