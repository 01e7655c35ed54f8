//! The names of a checkpoint's tensors, brought to upstream's without `bert.`, whatever the model was a
//! part of when it was saved.

use std::collections::BTreeSet;

/// Wrappers that put their own name before that of what they wrap, anywhere in a name.
const WRAPPERS: [&str; 3] = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

/// Every encoder has them once, and what stands before one stands before all of the encoder's names.
const ANCHORS: [&str; 3] = [
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "encoder.layer.0.attention.self.query.weight",
];

/// The beginning of the names of one file.
pub(crate) struct Prefix {
    /// The beginning of the encoder's names.
    encoder: String,
    /// The beginning of the names of the heads, which lie beside the encoder.
    outer: String,
}

impl Prefix {
    /// Finds the beginning that the names have. An error has the candidates where there are
    /// several, as in a file of two encoders.
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self, Vec<String>> {
        let names: Vec<String> = names.map(without_wrappers).collect();
        let mut found = BTreeSet::new();
        for anchor in ANCHORS {
            found = names.iter().filter_map(|name| before(name, anchor)).collect();
            if !found.is_empty() {
                break;
            }
        }
        // Upstream's own come first: then another encoder is one that upstream does not read either.
        let plain = ["bert.", ""].into_iter().find(|plain| found.contains(*plain));
        let encoder = match (plain, found.len()) {
            (Some(plain), _) => plain,
            (None, 0) => "bert.",
            (None, 1) => found.first().copied().unwrap_or_default(),
            (None, _) => return Err(found.into_iter().map(str::to_owned).collect()),
        };
        let outer = encoder.trim_end_matches('.').rfind('.').map_or("", |dot| &encoder[..=dot]);
        Ok(Self { encoder: encoder.to_owned(), outer: outer.to_owned() })
    }

    /// `bert.encoder...LayerNorm.gamma` (TensorFlow's names, in old files) is
    /// `encoder...LayerNorm.weight`.
    pub(crate) fn canonical(&self, name: &str) -> String {
        let name = without_wrappers(name);
        let inner = name.strip_prefix(&self.encoder).or_else(|| name.strip_prefix(&self.outer));
        let name = inner.unwrap_or(&name);
        if let Some(stem) = name.strip_suffix("LayerNorm.gamma") {
            return format!("{stem}LayerNorm.weight");
        }
        if let Some(stem) = name.strip_suffix("LayerNorm.beta") {
            return format!("{stem}LayerNorm.bias");
        }
        name.to_owned()
    }
}

/// Returns what stands before `anchor`: nothing, or something that ends with a dot.
fn before<'a>(name: &'a str, anchor: &str) -> Option<&'a str> {
    let prefix = name.strip_suffix(anchor)?;
    (prefix.is_empty() || prefix.ends_with('.')).then_some(prefix)
}

fn without_wrappers(name: &str) -> String {
    let parts = name.split('.').filter(|part| !WRAPPERS.contains(part));
    parts.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(prefix: &str, names: &[(&str, &str)]) {
        let anchor = format!("{prefix}embeddings.word_embeddings.weight");
        let all = names.iter().map(|(name, _)| *name).chain([&*anchor]);
        let found = Prefix::of(all).unwrap();
        for (name, expected) in names {
            assert_eq!(found.canonical(name), *expected, "prefix `{prefix}`");
        }
        assert_eq!(found.canonical(&anchor), "embeddings.word_embeddings.weight");
    }

    #[test]
    fn names_are_brought_to_one_form() {
        for (prefix, outer) in [
            ("", ""),
            ("bert.", ""),
            ("module.", ""),
            ("model.", ""),
            ("module.bert.", "module."),
            ("model.bert.", "model."),
            ("_orig_mod.bert.", ""),
            ("_orig_mod.module.bert.", "module."),
            ("encoder.", ""),
            ("0.auto_model.", "0."),
            ("model.text.tower.", "model.text."),
        ] {
            let gamma = format!("{prefix}embeddings.LayerNorm.gamma");
            let beta = format!("{prefix}encoder.layer.0.output.LayerNorm.beta");
            let head = format!("{outer}cls.predictions.bias");
            let names = [
                (&*gamma, "embeddings.LayerNorm.weight"),
                (&*beta, "encoder.layer.0.output.LayerNorm.bias"),
                (&*head, "cls.predictions.bias"),
            ];
            check(prefix, &names);
        }
    }

    #[test]
    fn a_prefix_is_found_without_the_word_table_too() {
        let names = ["m.encoder.layer.0.attention.self.query.weight", "m.pooler.dense.bias"];
        let prefix = Prefix::of(names.into_iter()).unwrap();
        assert_eq!(prefix.canonical("m.pooler.dense.bias"), "pooler.dense.bias");
    }

    #[test]
    fn of_two_encoders_upstreams_is_taken_or_none() {
        let word = "embeddings.word_embeddings.weight";
        let names = |prefixes: [&str; 2]| prefixes.map(|prefix| format!("{prefix}{word}"));
        let of = |names: &[String]| Prefix::of(names.iter().map(String::as_str));
        assert_eq!(of(&names(["bert.", "teacher."])).unwrap().encoder, "bert.");
        assert_eq!(of(&names(["a.", "b."])).err().unwrap(), ["a.", "b."]);
    }
}
