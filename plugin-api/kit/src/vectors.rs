//! The vectors of texts: which model gives them, and how.

use alhost_plugin_api::prelude::*;

use crate::rows::check_finite;

/// The encoder whose hidden states are taken.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoder {
    /// As it was before any training: the same vectors in every round, and some before the first.
    Pretrained,
    /// As trained in this round.
    Current,
}

/// The way in which hidden states become one vector.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pool {
    /// The mean over all tokens.
    Mean,
    /// The state of the first token, `[CLS]`.
    Cls,
}

/// The view of a text that a strategy has: of the classifier's, or of an encoder's.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Representation {
    /// The input of the classifier's last linear layer.
    Features,
    /// The [CLS] state of the encoder as trained in this round.
    Cls,
    /// The [CLS] state of the encoder as it was before any training.
    Base,
}

impl Representation {
    /// A vector a text. Needs [`FEATURES`] and [`EMBEDDING`].
    pub fn of<'a>(self, ctx: &'a Context<'_>, ids: &[DocId]) -> Result<Matrix<'a>> {
        match self {
            Self::Features => ctx.features(ids),
            Self::Cls => ctx.embedding(ids, Model::Current, Pooling::Cls),
            Self::Base => ctx.embedding(ids, Model::Pretrained, Pooling::Cls),
        }
    }
}

/// A vector a text; an error where one is not of finite numbers. Needs [`EMBEDDING`].
pub fn embeddings<'a>(
    ctx: &'a Context<'_>,
    ids: &[DocId],
    encoder: Encoder,
    pool: Pool,
) -> Result<Matrix<'a>> {
    let model = match encoder {
        Encoder::Pretrained => Model::Pretrained,
        Encoder::Current => Model::Current,
    };
    let pooling = match pool {
        Pool::Mean => Pooling::Mean,
        Pool::Cls => Pooling::Cls,
    };
    let vectors = ctx.embedding(ids, model, pooling)?;
    check_finite(vectors, "embeddings", ids)?;
    Ok(vectors)
}

#[cfg(test)]
mod tests {
    use alhost_plugin_api::testing::StandIn;

    use super::*;

    #[test]
    fn the_host_is_asked_for_what_was_chosen() {
        let host = StandIn::new(3, 2).vectors(vec![1.0, 2.0, 3.0, 4.0, f32::NAN, 6.0], 2);
        let ctx = host.context();
        let vectors = embeddings(&ctx, &[DocId(1)], Encoder::Pretrained, Pool::Mean).unwrap();
        assert_eq!(vectors.row(0), [3.0, 4.0]);
        let error = embeddings(&ctx, ctx.pool(), Encoder::Current, Pool::Cls).unwrap_err();
        assert!(error.message().starts_with("embeddings of text 2 are not all finite"), "{error}");
        let options: Vec<String> = host.requests().into_iter().map(|request| request.1).collect();
        let expected = [
            r#"{"model":"pretrained","pooling":"mean"}"#,
            r#"{"model":"current","pooling":"cls"}"#,
        ];
        assert_eq!(options, expected);
    }
}
