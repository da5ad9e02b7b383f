//! `question-answering`: questions about texts to parts of them.

use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_model::PredictError;
use amaas_model::task::{CpuWork, ModelCall, Predictions, Task, TaskContext, TaskError, UsageUnit, split_inputs};
use amaas_wire::pipeline::{ExtractedAnswer, QuestionAndContext, QuestionAnsweringParameters};
use tokenizers::Encoding;

use super::characters::Characters;
use super::classifier::tokenising;
use super::network::TextInputs;
use super::row::TextRow;
use super::row_outputs::RowOutputs;
use super::runs::run_rows;
use super::spans::{SpanScores, best_spans};
use super::special_tokens::SpecialToken;
use super::tokenizer::{EncodedText, TextTokenizer, Truncate};
use crate::parameters::{bad_parameter, check_at_least_one, check_top_k};

/// The pipeline `question-answering`: a question and a context in, answers out, the most probable one first.
///
/// A long context is read in windows that overlap.
#[derive(Debug)]
pub struct QuestionAnswering {
    tokenizer: TextTokenizer,
    inputs: TextInputs,
    /// The id of the token whose scores mean "no answer".
    classifier_token: Option<u32>,
}

/// A tokenised question with the windows of its context.
struct TokenisedQuestion {
    context: String,
    encoded: EncodedText,
}

/// The parameters of a call, with defaults.
#[derive(Clone, Copy, Debug)]
struct AnswerOptions {
    top_k: usize,
    max_answer_len: usize,
    handles_impossible: bool,
    aligns_to_words: bool,
}

impl Task for QuestionAnswering {
    const NAME: &'static str = "question-answering";
    const EXAMPLE: &'static str = r#"{"question":"Where is the cat?","context":"The cat sleeps on the warm roof."}"#;
    const IS_PARTIAL: bool = true;
    const UNIT: UsageUnit = UsageUnit::Tokens;
    type Input = QuestionAndContext;
    type Parameters = QuestionAnsweringParameters;
    type Prediction = Vec<ExtractedAnswer>;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let tokenizer = TextTokenizer::load(context)?;
        let inputs = TextInputs::of(&context.network.inputs, tokenizer.pad_id())?;
        for name in [START, END] {
            if !context.network.outputs.iter().any(|output| output.name == name) {
                let got = context.network.outputs.iter().map(|output| format!("{:?}", output.name)).collect::<Vec<_>>();
                return Err(TaskError::new(format!("expected outputs {START:?} and {END:?}, got {}", got.join(", "))));
            }
        }
        let classifier_token = SpecialToken::read(&context.assets, &tokenizer, "cls_token")?.map(|token| token.id);
        Ok(Self { tokenizer, inputs, classifier_token })
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<QuestionAndContext>,
        parameters: QuestionAnsweringParameters,
    ) -> Result<Predictions<Vec<ExtractedAnswer>>, PredictError> {
        let options = options(&parameters)?;
        let length = parameters.max_seq_len.unwrap_or(DEFAULT_WINDOW).min(self.tokenizer.max_length());
        let stride = parameters.doc_stride.unwrap_or((length / 2).min(DEFAULT_STRIDE));
        if stride > length {
            let what = format!("expected at most the {length} tokens of a window, got {stride}");
            return Err(bad_parameter("doc_stride", &what));
        }
        let task = Arc::clone(&self);
        let encode = move |working: &CpuPermit| {
            let truncate = Truncate::Windows { stride, length };
            let encode = |QuestionAndContext { question, context }: QuestionAndContext| {
                let encoded = task.tokenizer.encode(working, (&question, Some(&context)), truncate)?;
                Ok(TokenisedQuestion { context, encoded })
            };
            Ok::<_, PredictError>(inputs.into_iter().map(encode).collect::<Vec<Result<_, PredictError>>>())
        };
        let questions = call.check_inputs(call.compute(tokenising(&call), encode).await?)?;
        let (accepted, places) = split_inputs(questions);
        let rows: Vec<TextRow> = accepted.iter().flat_map(|it| it.encoded.windows()).map(TextRow::of).collect();
        let outputs = run_rows(&call, (call.networks().own(), &self.inputs), &rows).await?;
        let predict = move |_: &_| {
            let mut outputs = outputs.iter();
            let mut predictions = Vec::with_capacity(accepted.len());
            for question in &accepted {
                let windows: Vec<_> = question.encoded.windows().zip(&mut outputs).collect();
                predictions.push(self.answers(&question.context, &windows, options));
            }
            Ok::<_, PredictError>(places.merge(predictions))
        };
        Ok(call.compute(CpuWork::json(call.output_size()), predict).await?.into())
    }
}

impl QuestionAnswering {
    /// The best answers over all windows.
    fn answers(
        &self,
        context: &str,
        windows: &[(&Encoding, &RowOutputs)],
        options: AnswerOptions,
    ) -> Result<Vec<ExtractedAnswer>, PredictError> {
        let characters = Characters::of(context);
        let (mut answers, mut no_answer) = (Vec::new(), f32::INFINITY);
        for (window, outputs) in windows {
            let scores = self.scores(window, outputs)?;
            no_answer = no_answer.min(scores.no_answer());
            for span in best_spans(scores, options.top_k, options.max_answer_len) {
                let (start, end) = characters_of(window, (span.start, span.end), options.aligns_to_words);
                let answer = characters.slice(start, end).to_owned();
                answers.push(ExtractedAnswer { answer, score: span.score, start, end });
            }
        }
        if options.handles_impossible {
            answers.push(ExtractedAnswer { answer: String::new(), score: no_answer, start: 0, end: 0 });
        }
        answers.sort_by(|one, other| other.score.total_cmp(&one.score));
        answers.truncate(options.top_k);
        Ok(answers)
    }

    /// The probabilities of each token of a window to begin and to end the answer.
    fn scores(&self, window: &Encoding, outputs: &RowOutputs) -> Result<SpanScores, PredictError> {
        let (starts, ends) = (outputs.values(START)?.values, outputs.values(END)?.values);
        let is_candidate =
            |at: usize| window.token_to_sequence(at) == Some(1) || Some(window.get_ids()[at]) == self.classifier_token;
        let candidates: Vec<bool> = (0..window.len()).map(is_candidate).collect();
        if starts.len() < candidates.len() || ends.len() < candidates.len() {
            let expected = candidates.len();
            return Err(PredictError::internal(format!(
                "output {START:?}: expected {expected} tokens, got {}",
                starts.len()
            )));
        }
        Ok(SpanScores::of(&starts[..candidates.len()], &ends[..candidates.len()], &candidates))
    }
}

/// The characters of the context from the token `start` to the token `end`, inclusive.
fn characters_of(window: &Encoding, (start, end): (usize, usize), aligns_to_words: bool) -> (usize, usize) {
    let word = |token: usize| window.word_to_chars(window.token_to_word(token)?.1, 1);
    match (word(start), word(end)) {
        (Some((start, _)), Some((_, end))) if aligns_to_words => (start, end),
        _ => (window.get_offsets()[start].0, window.get_offsets()[end].1),
    }
}

fn options(parameters: &QuestionAnsweringParameters) -> Result<AnswerOptions, PredictError> {
    check_top_k(parameters.top_k)?;
    check_at_least_one("max_answer_len", parameters.max_answer_len)?;
    check_at_least_one("max_seq_len", parameters.max_seq_len)?;
    let top_k = parameters.top_k.unwrap_or(1);
    if top_k > MAX_ANSWERS {
        return Err(bad_parameter("top_k", &format!("expected 1 to {MAX_ANSWERS}, got {top_k}")));
    }
    Ok(AnswerOptions {
        top_k,
        max_answer_len: parameters.max_answer_len.unwrap_or(DEFAULT_ANSWER),
        handles_impossible: parameters.handle_impossible_answer.unwrap_or_default(),
        aligns_to_words: parameters.align_to_words.unwrap_or(true),
    })
}

const START: &str = "start_logits";
const END: &str = "end_logits";
/// The defaults of `transformers`, in tokens.
const DEFAULT_WINDOW: usize = 384;
const DEFAULT_STRIDE: usize = 128;
const DEFAULT_ANSWER: usize = 15;
/// The most answers for an input.
const MAX_ANSWERS: usize = 1000;
