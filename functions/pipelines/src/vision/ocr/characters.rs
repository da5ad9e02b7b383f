//! The characters of a recognition network, and CTC decoding to them.

use amaas_model::PredictError;
use amaas_model::task::{Assets, NetworkInfo, TaskError};

/// The texts of a network's classes. Class 0 is CTC's blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Characters(Vec<String>);

impl Characters {
    /// The file with the characters, one a line. Otherwise they are the metadata `character` of the network.
    pub(super) const FILE: &'static str = "characters.txt";

    /// The characters of `network`, which has `classes`, if that is known: the blank, each character and a space.
    ///
    /// # Errors
    /// If there are none, or not one for each class.
    pub(super) fn load(assets: &Assets, network: &NetworkInfo, classes: Option<usize>) -> Result<Self, TaskError> {
        let (source, text) = match (assets.bytes(Self::FILE), network.metadata.get(METADATA)) {
            (Ok(_), _) => (format!("{:?}", Self::FILE), assets.text(Self::FILE)?),
            (Err(_), Some(text)) => (format!("the network's metadata {METADATA:?}"), text.as_str()),
            (Err(_), None) => {
                return Err(TaskError::new(format!(
                    "expected the metadata {METADATA:?} in the recognition network, or the asset {:?}: a character a line",
                    Self::FILE
                )));
            }
        };
        let mut characters: Vec<String> = text.lines().map(str::to_owned).collect();
        let listed = characters.len();
        // A network that was trained without spaces has a class less.
        if classes != Some(listed + 1) {
            characters.push(" ".to_owned());
        }
        if let Some(classes) = classes.filter(|classes| *classes != characters.len() + 1) {
            return Err(TaskError::new(format!(
                "{source}: expected {} characters for the {classes} classes of the network, got {listed}",
                classes.saturating_sub(2)
            )));
        }
        Ok(Self(characters))
    }

    /// The text of the probabilities of all classes, step after step, and its score: the mean probability of its characters.
    ///
    /// # Errors
    /// If they are not probabilities of these classes.
    pub(super) fn decode(&self, probabilities: &[f32], classes: usize) -> Result<(String, f32), PredictError> {
        if classes != self.0.len() + 1 {
            let expected = self.0.len() + 1;
            return Err(PredictError::internal(format!("expected {expected} classes, got {classes}")));
        }
        let (mut text, mut sum, mut count) = (String::new(), 0.0, 0_u32);
        let mut previous = BLANK;
        for step in probabilities.chunks_exact(classes) {
            let (class, probability) = most_probable(step);
            if !(0.0..=1.0 + TOLERANCE).contains(&probability) {
                return Err(PredictError::internal(
                    "the recognition network: expected probabilities, got a value that is not from 0 to 1",
                ));
            }
            if class != BLANK && class != previous {
                text.push_str(&self.0[class - 1]);
                sum += f64::from(probability);
                count += 1;
            }
            previous = class;
        }
        Ok((text, mean(sum, count)))
    }
}

#[allow(clippy::cast_possible_truncation)] // it is a probability
fn mean(sum: f64, count: u32) -> f32 {
    (sum / f64::from(count.max(1))).min(1.0) as f32
}

/// The first class with the highest probability.
fn most_probable(step: &[f32]) -> (usize, f32) {
    let better = |best: (usize, f32), next: (usize, f32)| if next.1 > best.1 { next } else { best };
    step.iter().copied().enumerate().fold((BLANK, f32::NEG_INFINITY), better)
}

const METADATA: &str = "character";
const BLANK: usize = 0;
/// FP16 networks exceed 1 by this at most.
const TOLERANCE: f32 = 1e-2;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn load(file: Option<&str>, metadata: Option<&str>, classes: Option<usize>) -> Result<Characters, String> {
        let file = file.map(|text| (Characters::FILE.to_owned(), Bytes::from(text.to_owned())));
        let metadata = metadata.map(|text| (METADATA.to_owned(), text.to_owned()));
        let network = NetworkInfo { metadata: metadata.into_iter().collect(), ..NetworkInfo::default() };
        Characters::load(&Assets::new(file), &network, classes).map_err(|error| error.to_string())
    }

    /// A step whose most probable class is `class`.
    fn step(class: usize, probability: f32) -> [f32; 4] {
        std::array::from_fn(|at| if at == class { probability } else { 0.01 })
    }

    #[test]
    fn repeated_classes_are_one_character_and_blanks_are_none() {
        let characters = load(None, Some("a\nb"), Some(4)).expect("characters");
        let steps = [step(0, 0.9), step(1, 0.5), step(1, 0.9), step(0, 0.9), step(1, 0.7), step(3, 0.9), step(2, 0.8)];
        let (text, score) = characters.decode(&steps.concat(), 4).expect("a text");
        assert_eq!(text, "aa b");
        assert!((score - (0.5 + 0.7 + 0.9 + 0.8) / 4.0).abs() < 1e-6, "{score}");
        assert_eq!(characters.decode(&step(0, 0.9), 4).expect("no text"), (String::new(), 0.0));
        assert!(characters.decode(&[0.5; 6], 3).is_err());
        assert!(characters.decode(&step(1, 7.0), 4).is_err());
        assert!(characters.decode(&step(1, f32::NAN), 4).is_ok_and(|(text, _)| text.is_empty()));
    }

    #[test]
    fn each_class_has_a_character() {
        assert_eq!(load(Some("a\r\nb\n"), Some("c"), None), load(None, Some("a\nb"), Some(4)));
        let without_space = load(None, Some("a\nb"), Some(3)).expect("characters");
        assert_eq!(without_space.0, ["a", "b"]);
        let error = load(Some("a\nb"), None, Some(9)).expect_err("too few");
        assert_eq!(error, "\"characters.txt\": expected 7 characters for the 9 classes of the network, got 2");
        let error = load(None, None, Some(9)).expect_err("none");
        assert!(error.contains("expected the metadata \"character\""), "{error}");
    }
}
