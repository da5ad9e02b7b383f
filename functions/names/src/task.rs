//! The names task: surnames to ids and lengths, and probabilities to the most probable languages.
//!
//! Edge cases: diacritics and case do not count (`Ångström` is `angstrom`). A character outside the alphabet is unknown to the network.
//! A name without a known letter (empty, a number, in another script) or of more than 64 characters is refused, because the network
//! cannot classify it.

use amaas_serve::task::{InvalidInput, TaskError};
use amaas_serve::task::{RowTask, TaskContext};
use amaas_wire::Tensor;
use amaas_wire::task::{RankedClassification, ScoredLabel};

use crate::alphabet::{MAX_CHARACTERS, PADDING, has_letter, ids};

/// The task of the names network: a surname in, the five most probable languages out.
///
/// ```
/// use amaas_names::Names;
/// use amaas_serve::task::RowTask;
///
/// let names = Names::from_languages("Irish\nScottish\n")?;
/// let tensors = names.preprocess(&["O’Brien".to_owned(), "MacLeod".to_owned()])?;
/// assert_eq!(tensors[0].shape(), [2, 64]);
/// assert_eq!((tensors[1].name(), tensors[1].shape()), ("lengths", &[2][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Names {
    languages: Vec<Box<str>>,
}

impl Names {
    /// The name of the asset with the languages, in the order of the network's output.
    pub const LANGUAGES: &'static str = "languages.txt";

    /// The task with `languages`, one a line.
    ///
    /// # Errors
    /// There is no language.
    pub fn from_languages(languages: &str) -> Result<Self, TaskError> {
        let languages: Vec<Box<str>> = languages.lines().map(Box::from).collect();
        if languages.is_empty() {
            return Err(TaskError::new(format!("{}: expected a language a line, got none", Self::LANGUAGES)));
        }
        Ok(Self { languages })
    }

    fn rank(&self, probabilities: &[f32]) -> RankedClassification {
        let scored = self.languages.iter().zip(probabilities);
        let scored =
            scored.map(|(label, probability)| ScoredLabel { label: label.to_string(), probability: *probability });
        RankedClassification::of(scored.collect(), TOP)
    }
}

impl RowTask for Names {
    const NAME: &'static str = "names";
    const EXAMPLE: &'static str = r#""Dvořák""#;
    type Input = String;
    type Prediction = RankedClassification;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        Self::from_languages(context.assets.text(Self::LANGUAGES)?)
    }

    fn preprocess(&self, inputs: &[String]) -> Result<Vec<Tensor>, InvalidInput> {
        let (mut rows, mut lengths) =
            (Vec::with_capacity(inputs.len() * MAX_CHARACTERS), Vec::with_capacity(inputs.len()));
        for (index, name) in inputs.iter().enumerate() {
            let ids = ids(&name[..name.floor_char_boundary(MAX_NAME_BYTES)]);
            if ids.len() > MAX_CHARACTERS {
                return Err(InvalidInput::new(format!(
                    "inputs[{index}]: expected at most {MAX_CHARACTERS} characters, got more"
                )));
            }
            if !has_letter(&ids) {
                return Err(InvalidInput::new(format!("inputs[{index}]: expected a name in Latin letters, got none")));
            }
            let got = name.len();
            if got > MAX_NAME_BYTES {
                return Err(InvalidInput::new(format!(
                    "inputs[{index}]: expected at most {MAX_NAME_BYTES} bytes, got {got}"
                )));
            }
            lengths.push(i32::try_from(ids.len()).map_err(InvalidInput::new)?);
            rows.extend(ids);
            rows.resize((index + 1) * MAX_CHARACTERS, PADDING);
        }
        let rows = Tensor::new("input_ids", vec![inputs.len(), MAX_CHARACTERS], rows);
        let lengths = Tensor::new("lengths", vec![inputs.len()], lengths);
        Ok(vec![rows.map_err(InvalidInput::new)?, lengths.map_err(InvalidInput::new)?])
    }

    fn postprocess(&self, _: &[String], outputs: &[Tensor]) -> Result<Vec<RankedClassification>, TaskError> {
        let output = outputs.iter().find(|output| output.name() == "probabilities");
        let probabilities = output.and_then(|tensor| tensor.data().as_f32());
        let probabilities = probabilities.ok_or_else(|| TaskError::new("no FP32 output \"probabilities\""))?;
        let rows = probabilities.chunks_exact(self.languages.len());
        if !rows.remainder().is_empty() {
            return Err(TaskError::new(format!("the network does not have {} languages", self.languages.len())));
        }
        Ok(rows.map(|row| self.rank(row)).collect())
    }
}

/// Bytes of a name: 64 letters with marks and white space of 32 bytes each. Longer texts are refused before they are folded.
const MAX_NAME_BYTES: usize = MAX_CHARACTERS * 32;
/// How many languages an answer names: beyond five there is hardly any probability left (model/README.md).
const TOP: usize = 5;

#[cfg(test)]
mod tests {
    use amaas_wire::TensorData;
    use serde_json::Value;

    use super::*;

    fn names() -> Names {
        Names::from_languages(include_str!("../model/languages.txt")).expect("the committed list")
    }

    #[test]
    fn ids_are_those_of_the_recipe() {
        // names.json was made with Python's own Unicode; see model/README.md.
        let cases: Value = serde_json::from_str(include_str!("../model/names.json")).expect("the committed cases");
        let cases = cases["cases"].as_array().expect("cases");
        assert!(cases.len() >= 60);
        for case in cases {
            let name = match &case["repeat"] {
                Value::Null => case["name"].as_str().expect("text").to_owned(),
                repeat => {
                    let times = repeat["times"].as_u64().and_then(|times| times.try_into().ok()).expect("a number");
                    repeat["unit"].as_str().expect("text").repeat(times)
                }
            };
            let got = names().preprocess(&[name]);
            let expected = match case["refused"].as_str() {
                Some("length") => Err("inputs[0]: expected at most 64 characters, got more".to_owned()),
                Some(_) => Err("inputs[0]: expected a name in Latin letters, got none".to_owned()),
                None => Ok(serde_json::from_value::<Vec<i64>>(case["ids"].clone()).expect("ids")),
            };
            let got = got.map_err(|error| error.to_string()).map(|tensors| {
                let (TensorData::Int64(ids), TensorData::Int32(lengths)) = (tensors[0].data(), tensors[1].data())
                else {
                    panic!("ids and lengths: {tensors:?}")
                };
                let (ids, padding) = ids.split_at(lengths[0].try_into().expect("0 up"));
                assert!(padding.iter().all(|id| *id == PADDING), "{}", case["what"]);
                ids.to_vec()
            });
            assert_eq!(got, expected, "{}", case["what"]);
        }
    }

    #[test]
    fn a_name_of_marks_is_not_read_to_its_end() {
        let begun = std::time::Instant::now();
        let error = names().preprocess(&[format!("a{}", "\u{301}".repeat(4 << 20))]).expect_err("no name");
        assert_eq!(error.to_string(), "inputs[0]: expected at most 2048 bytes, got 8388609");
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }

    #[test]
    fn the_name_at_fault_is_named_and_not_shown() {
        let error = names().preprocess(&["Smith".to_owned(), "王".to_owned()]).expect_err("no Latin letter");
        assert_eq!(error.to_string(), "inputs[1]: expected a name in Latin letters, got none");
    }

    #[test]
    fn five_languages_are_named_in_their_order() {
        let languages = Names::from_languages("a\nb\nc\nd\ne\nf\n").expect("six");
        let output =
            |values: &[f32]| [Tensor::new("probabilities", vec![1, values.len()], values.to_vec()).expect("a row")];
        let answer = languages.postprocess(&[], &output(&[0.1, 0.3, 0.05, 0.3, 0.05, 0.2])).expect("a row").remove(0);
        assert_eq!((answer.label.as_str(), answer.probability), ("b", 0.3));
        assert_eq!(answer.top.iter().map(|scored| scored.label.as_str()).collect::<String>(), "bdfac");
        assert!(languages.postprocess(&[], &output(&[0.5; 7])).is_err(), "the network has other languages");
    }
}
