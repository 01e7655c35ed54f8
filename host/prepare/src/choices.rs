//! A user's choices on top of a recipe's defaults. What a data set has no use for is refused, so
//! that nobody believes it did something.

use crate::document::Part;
use crate::error::PrepareError;
use crate::options::{
    DateRange, Draw, IdFiles, LeafRule, Options, Scope, Share, Split, SplitKind, UnknownLabels,
    Unlabeled,
};
use crate::recipe::{About, Knob, Official, Recipe};

/// Choices that the user asks for; the recipe decides the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    pub leaf: Option<LeafRule>,
    pub min_count: Option<u64>,
    pub min_count_scope: Option<Scope>,
    pub split: Option<SplitKind>,
    pub test_share: Option<f64>,
    pub dev_share: Option<f64>,
    pub split_seed: Option<u64>,
    pub unlabeled: Option<Unlabeled>,
    pub unknown_labels: Option<UnknownLabels>,
    pub merge_aliases: bool,
    pub text: Option<Vec<String>>,
    pub clean: bool,
    pub sample: Option<f64>,
    pub limit: Option<u64>,
    pub dates: Option<DateRange>,
    pub ids: Option<IdFiles>,
}

impl Choices {
    /// All options of a preparation, or what is wrong with the choices.
    pub(crate) fn over(&self, recipe: &dyn Recipe) -> Result<Options, PrepareError> {
        let about = recipe.about();
        self.check_offered(about)?;
        self.check_text(about)?;
        let mut options = recipe.defaults();
        set(&mut options.leaf, self.leaf);
        set(&mut options.min_count, self.min_count);
        set(&mut options.min_count_scope, self.min_count_scope);
        set(&mut options.unlabeled, self.unlabeled);
        set(&mut options.unknown_labels, self.unknown_labels);
        set(&mut options.text, self.text.clone());
        set(&mut options.split.seed, self.split_seed);
        options.merge_aliases |= self.merge_aliases;
        options.clean |= self.clean;
        if let Some(sample) = self.sample {
            // The whole, where the recipe takes a part of it by default.
            let is_whole = (1.0..=1.0).contains(&sample);
            options.sample = if is_whole { None } else { Some(share("--sample", sample)?) };
        }
        options.limit = self.limit.or(options.limit);
        options.dates = self.dates.clone().or(options.dates);
        options.ids.clone_from(&self.ids);
        self.set_split(about, &mut options)?;
        Ok(options)
    }

    fn check_offered(&self, about: &About) -> Result<(), PrepareError> {
        let asked = [
            (self.leaf.is_some(), Knob::Leaf, "its labels have no hierarchy"),
            (self.merge_aliases, Knob::MergeAliases, "no two of its labels mean the same"),
            (self.text.is_some(), Knob::Text, "its texts have one field"),
            (self.clean, Knob::Clean, "no artefacts of its texts are known"),
            (self.sample.is_some(), Knob::Sample, "it is not made of a sample"),
            (self.limit.is_some(), Knob::Limit, "all of its documents are needed"),
            (self.dates.is_some(), Knob::Dates, "its documents have no dates"),
        ];
        for (is_asked, knob, reason) in asked {
            if is_asked && !about.offers.contains(&knob) {
                return Err(refused(knob.option(), about, reason));
            }
        }
        if self.ids.is_some() && self.draws() {
            return Err(refused("--ids-train", about, "the split is drawn by another option"));
        }
        Ok(())
    }

    fn draws(&self) -> bool {
        self.split.is_some()
            || self.test_share.is_some()
            || self.dev_share.is_some()
            || self.split_seed.is_some()
    }

    fn check_text(&self, about: &About) -> Result<(), PrepareError> {
        let Some(fields) = &self.text else { return Ok(()) };
        let given = fields.join(",");
        let is_wrong = |field: &&String| !about.text_fields.contains(&field.as_str());
        let expected = match fields.iter().find(is_wrong) {
            Some(field) => {
                format!("no field `{field}`; the fields are {}", about.text_fields.join(", "))
            }
            None if fields.is_empty() => "at least one field is needed".to_owned(),
            None => return Ok(()),
        };
        Err(PrepareError::Value { option: "--text", given, expected })
    }

    fn set_split(&self, about: &About, options: &mut Options) -> Result<(), PrepareError> {
        if about.official == Official::All {
            let drawn = [
                (matches!(self.split, Some(kind) if kind != SplitKind::Official), "--split"),
                (self.test_share.is_some(), "--test-share"),
                (self.dev_share.is_some(), "--dev-share"),
                (self.split_seed.is_some(), "--split-seed"),
            ];
            return match drawn.iter().find(|(is_asked, _)| *is_asked) {
                Some((_, option)) => Err(refused(option, about, "its splits are official")),
                None => Ok(()),
            };
        }
        if self.split == Some(SplitKind::Official) {
            return Err(refused("--split official", about, "not all of its splits are official"));
        }
        if about.official == Official::TrainAndTest && self.test_share.is_some() {
            return Err(refused("--test-share", about, "its test split is official"));
        }
        set(&mut options.split.kind, self.split);
        self.set_shares(about, &mut options.split)
    }

    fn set_shares(&self, about: &About, split: &mut Split) -> Result<(), PrepareError> {
        let shares = [
            (Part::Test, self.test_share, "--test-share"),
            (Part::Dev, self.dev_share, "--dev-share"),
        ];
        for (part, given, option) in shares {
            let Some(given) = given else { continue };
            let given = Share::Fraction(share(option, given)?);
            match split.draws.iter_mut().find(|draw| draw.part == part) {
                Some(draw) => draw.share = given,
                None => split.draws.push(Draw { part, share: given }),
            }
        }
        let in_texts = |draw: &Draw| matches!(draw.share, Share::Texts(_));
        if split.kind == SplitKind::Bernoulli && split.draws.iter().any(in_texts) {
            return Err(PrepareError::NotOffered {
                option: "--split bernoulli",
                recipe: about.title,
                reason: "by default an exact number of texts is held out for dev".to_owned(),
                hint: "give a share too: `--dev-share 0.1`".to_owned(),
            });
        }
        Ok(())
    }
}

fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}

fn share(option: &'static str, given: f64) -> Result<f64, PrepareError> {
    if given > 0.0 && given < 1.0 {
        return Ok(given);
    }
    let expected = "a share is above 0 and below 1".to_owned();
    Err(PrepareError::Value { option, given: given.to_string(), expected })
}

fn refused(option: &'static str, about: &About, reason: &str) -> PrepareError {
    PrepareError::NotOffered {
        option,
        recipe: about.title,
        reason: reason.to_owned(),
        hint: "leave the option out".to_owned(),
    }
}
