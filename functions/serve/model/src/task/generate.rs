//! Texts that go on: the third kind of task, whose answers are also given in `OpenAI`'s shape, token by token where asked for.

use std::sync::Arc;

use amaas_wire::task::{Generation, Prompt};

use amaas_engine::generate::PromptError;

use super::{AnyTask, Assets, Encoded, InvalidInput, TaskError, TensorNames, Tokenizer, Working};
use crate::error::PredictError;
use crate::schema::{Schemas, Typed};
use amaas_engine::Batching;

/// The tokens of a network that goes on with texts; serve it with [`Tasks::with_generator`](super::Tasks::with_generator).
///
/// Its inputs are [`Prompt`]s, its predictions [`Generation`]s, and
/// `POST /v1/completions` takes the model. Which tensors the network needs is told by [`Tensors`].
///
/// ```
/// use amaas_model::task::{Assets, Generator, InvalidInput, TaskError};
///
/// /// A token is a byte, and 0 begins and ends a text.
/// struct Bytes;
///
/// impl Generator for Bytes {
///     const NAME: &'static str = "bytes";
///     const EXAMPLE: &'static str = r#""Once upon""#;
///
///     fn from_assets(_: &Assets) -> Result<Self, TaskError> {
///         Ok(Self)
///     }
///
///     fn encode(&self, text: &str) -> Result<Vec<i64>, InvalidInput> {
///         Ok(std::iter::once(0).chain(text.bytes().map(i64::from)).collect())
///     }
///
///     fn text(&self, tokens: &[i64]) -> Result<String, TaskError> {
///         let bytes: Vec<u8> = tokens.iter().filter_map(|token| u8::try_from(*token).ok()).filter(|it| *it > 0).collect();
///         Ok(String::from_utf8_lossy(&bytes).into_owned())
///     }
///
///     fn ends(&self, token: i64) -> bool {
///         token == 0
///     }
///
///     fn context(&self) -> usize {
///         1024
///     }
/// }
/// ```
pub trait Generator: Sized + Send + Sync + 'static {
    /// The task's name, which a manifest asks for.
    const NAME: &'static str;
    /// One entry of the `inputs` of a request, as JSON: for a first call, and for documents.
    const EXAMPLE: &'static str;

    /// Makes the task from the files that were published with the network.
    ///
    /// # Errors
    /// When a file is missing or is not what it should be; the function then never gets ready.
    fn from_assets(assets: &Assets) -> Result<Self, TaskError>;

    /// The tokens of a prompt, what begins a text included: never none.
    ///
    /// # Errors
    /// [`InvalidInput`] is shown to the caller; it must not hold a value of the payload.
    fn encode(&self, text: &str) -> Result<Vec<i64>, InvalidInput>;

    /// The text of tokens, without those that only begin or end one; a character that is not whole is U+FFFD.
    ///
    /// # Errors
    /// When a token is none: a fault of the model.
    fn text(&self, tokens: &[i64]) -> Result<String, TaskError>;

    /// The tokenizer's own name of `token`, for who asks for the chances of tokens: asked where its text does not tell it from others, as
    /// of special tokens, and of bytes that are no whole character (`bytes:\\xf0`).
    fn name(&self, token: i64) -> Option<String> {
        let _ = token;
        None
    }

    /// Whether `token` ends a text.
    fn ends(&self, token: i64) -> bool;

    /// The most tokens that the network has room for, prompt and answer together.
    fn context(&self) -> usize;

    /// The network's tensors, where they have other names than most.
    fn tensors(&self) -> TensorNames {
        TensorNames::default()
    }
}

/// A [`Generator`] without its type.
pub trait AnyGenerator: Tokenizer {
    /// The names of the network's tensors.
    fn tensors(&self) -> TensorNames;
}

pub(super) struct Erased<G>(pub(super) G);

impl<G: Generator> Tokenizer for Erased<G> {
    fn encode(&self, working: &Working, text: &str) -> Result<Vec<i64>, PromptError> {
        let refused = |error: InvalidInput| PromptError::Parameter { param: "prompt", message: error.to_string() };
        let tokens = self.0.encode(text).map_err(refused)?;
        working.go_on(tokens.len() as u64)?;
        Ok(tokens)
    }

    fn decode(&self, tokens: &[i64]) -> Result<String, TaskError> {
        self.0.text(tokens)
    }

    fn token_name(&self, token: i64) -> Option<String> {
        self.0.name(token)
    }

    fn is_end(&self, token: i64) -> bool {
        self.0.ends(token)
    }

    fn context_length(&self) -> usize {
        self.0.context()
    }
}

impl<G: Generator> AnyGenerator for Erased<G> {
    fn tensors(&self) -> TensorNames {
        self.0.tensors()
    }
}

impl<G: Generator> AnyTask for Erased<G> {
    fn quick(&self) -> usize {
        super::QUICK_TEXT
    }

    fn example(&self) -> &'static str {
        G::EXAMPLE
    }

    fn typed(&self, schemas: &mut Schemas) -> Typed {
        Typed::of::<Prompt, Generation>(schemas, G::EXAMPLE)
    }

    fn encode(self: Arc<Self>, _: &Working, _: &[u8], _: usize, _: Batching) -> Result<Encoded, PredictError> {
        Err(PredictError::internal("a generator makes no runs of its own"))
    }

    fn generator(self: Arc<Self>) -> Option<Arc<dyn AnyGenerator>> {
        Some(self)
    }
}
