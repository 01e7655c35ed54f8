//! One article of the New York Times Annotated Corpus: NITF 3.3, by the paths its readers use.

use crate::xml::{self, Element, XmlError};

/// Holds what the recipe reads of an article.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Article {
    /// `head/docdata/doc-id/@id-string`, a number.
    pub(crate) id: Option<String>,
    /// `body/body.head/hedline/hl1`.
    pub(crate) headline: String,
    /// The taxonomic classifiers, such as `Top/News/World/Europe`, each once, in the file's order.
    pub(crate) taxonomy: Vec<String>,
    /// The paragraphs of every block `full_text`. The block `lead_paragraph` repeats the first of them.
    pub(crate) full_text: Vec<String>,
    /// Every `<p>` of the file, that of the abstract and of both blocks too.
    pub(crate) paragraphs: Vec<String>,
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Article, XmlError> {
    let mut article = Article::default();
    let wanted = ["doc-id", "classifier", "hl1", "p"];
    xml::elements(bytes, "nitf", &wanted, |element| article.take(element))?;
    Ok(article)
}

impl Article {
    fn take(&mut self, element: &Element<'_>) {
        match element.name() {
            "doc-id" if element.is("nitf/head/docdata/doc-id") => {
                self.id = element.attribute("id-string").map(str::to_owned);
            }
            "classifier" if is_taxonomic(element) => self.classify(&element.text),
            "hl1" if element.is("nitf/body/body.head/hedline/hl1") => {
                self.headline.clone_from(&element.text);
            }
            "p" if !element.text.is_empty() => {
                let block = element.is("nitf/body/body.content/block/p");
                if block && element.parent_attribute("class") == Some("full_text") {
                    self.full_text.push(element.text.clone());
                }
                self.paragraphs.push(element.text.clone());
            }
            _ => {}
        }
    }

    fn classify(&mut self, path: &str) {
        let path = path.trim_matches('/');
        if !path.is_empty() && !self.taxonomy.iter().any(|known| known == path) {
            self.taxonomy.push(path.to_owned());
        }
    }
}

/// `classifier[@class="online_producer"][@type="taxonomic_classifier"]`; the types
/// `general_descriptor` and `descriptor` beside it are other vocabularies.
fn is_taxonomic(element: &Element<'_>) -> bool {
    element.is("nitf/head/docdata/identified-content/classifier")
        && element.attribute("class") == Some("online_producer")
        && element.attribute("type") == Some("taxonomic_classifier")
}
