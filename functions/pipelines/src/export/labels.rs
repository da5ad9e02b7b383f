//! The labels of a classifier: `id2label` in `config.json`.

use std::collections::BTreeMap;

use amaas_model::task::{TaskContext, TaskError};

use super::{ConfigFile, PipelineSettings};

/// The labels of a classifier, by the index of their class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassLabels(Vec<String>);

impl ClassLabels {
    /// The labels of `classes` classes, if that is known: the publisher's, else those of `config`, else numbered ones.
    ///
    /// # Errors
    /// If there are none, or not one for each class.
    pub fn load(context: &TaskContext, config: &ConfigFile, classes: Option<usize>) -> Result<Self, TaskError> {
        let labels = match PipelineSettings::read(&context.assets)?.labels {
            Some(chosen) => Some(Self(chosen)),
            None => Self::of(config)?,
        };
        let labels = labels.or(classes.map(Self::numbered)).ok_or_else(|| {
            config.error(FIELD, "expected the labels of the classes, got none; --label-file gives them")
        })?;
        match classes {
            Some(expected) if expected != labels.count() => Err(TaskError::new(format!(
                "expected {expected} labels, one for each class of the network, got {}",
                labels.count()
            ))),
            _ => Ok(labels),
        }
    }

    /// The labels of `id2label` in `config`; `None` if there are none.
    ///
    /// # Errors
    /// If the indexes are not 0 to the number of labels.
    pub fn of(config: &ConfigFile) -> Result<Option<Self>, TaskError> {
        let Some(labels) = config.optional::<BTreeMap<String, String>>(FIELD)? else { return Ok(None) };
        let count = labels.len();
        let mut by_index = vec![None; count];
        for (index, label) in labels {
            let place = index.parse::<usize>().ok().and_then(|index| by_index.get_mut(index));
            let place =
                place.ok_or_else(|| config.error(FIELD, format!("expected indexes below {count}, got {index:?}")))?;
            *place = Some(label);
        }
        let labels: Option<Vec<_>> = by_index.into_iter().collect();
        labels.map(|labels| Some(Self(labels))).ok_or_else(|| config.error(FIELD, "an index is given twice"))
    }

    /// `count` labels `LABEL_0`, `LABEL_1` and so on, as `transformers` names classes without labels.
    pub fn numbered(count: usize) -> Self {
        Self((0..count).map(|index| format!("LABEL_{index}")).collect())
    }

    /// The label of the class `index`.
    pub fn get(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(String::as_str)
    }

    /// The number of classes.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The labels in the order of their classes.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl From<Vec<String>> for ClassLabels {
    fn from(labels: Vec<String>) -> Self {
        Self(labels)
    }
}

const FIELD: &str = "id2label";
