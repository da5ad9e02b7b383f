//! The classes of a classifier: what its network calls them, and what answers do.

use std::collections::{BTreeMap, BTreeSet};

use amaas_engine::TensorSpec;
use amaas_engine::onnx::CLASS_LABELS;
use amaas_model::task::{NetworkInfo, TaskError};
use amaas_wire::Datatype;
use amaas_wire::pipeline::TabularLabel;

use super::columns_file::ColumnsFile;
use super::output::property;

/// Names of classes beside the network's own, in the order of its scores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassNames {
    /// Those that the publisher chose, which replace the network's own.
    pub chosen: Option<Vec<String>>,
    /// Those of `config.json`, if the network has none.
    pub of_config: Option<Vec<String>>,
}

/// The classes of a classifier, in the order of its scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Classes {
    /// The labels that the network gives.
    own: Vec<TabularLabel>,
    /// The labels that answers have.
    names: Vec<TabularLabel>,
}

impl Classes {
    /// The classes of the output `scores`, which has `width` columns; `labels` is the output with the network's choice.
    pub(super) fn resolve(
        network: &NetworkInfo,
        file: &ColumnsFile,
        ClassNames { chosen, of_config }: ClassNames,
        (scores, width, labels): (&str, Option<usize>, Option<&TensorSpec>),
    ) -> Result<Self, TaskError> {
        let of_network: Option<BTreeMap<String, Vec<TabularLabel>>> = property(network, CLASS_LABELS)?;
        let of_network = of_network.and_then(|mut by_output| by_output.remove(scores));
        let advice = "publish columns.json with {\"classes\": [labels]}, in the order of the scores";
        let texts = |names: Vec<String>| names.into_iter().map(TabularLabel::from).collect::<Vec<_>>();
        let known = file.classes.clone().or(of_network);
        let names = chosen.or(of_config.filter(|_| known.is_none())).map(texts);
        let gives_texts = labels.map(|labels| labels.datatype == Datatype::Bytes);
        let classes = match (known, &names, gives_texts, width) {
            (Some(known), ..) => known,
            // The network gives the index of a class.
            (None, Some(names), Some(false), _) => (0_i64..).zip(names).map(|(index, _)| index.into()).collect(),
            (None, Some(names), ..) => names.clone(),
            (None, None, None, Some(width @ 2..)) => (0..width).map(|class| format!("LABEL_{class}").into()).collect(),
            _ => return Err(TaskError::new(format!("the classes of output {scores:?} are not known; {advice}"))),
        };
        let is_text = |label: &TabularLabel| matches!(label, TabularLabel::Text(_));
        if let Some(labels) = labels
            && classes.iter().any(|class| Some(is_text(class)) != gives_texts)
        {
            return Err(TaskError::new(format!(
                "output {:?} gives labels of {}, and the classes have other ones; {advice}",
                labels.name, labels.datatype
            )));
        }
        let names = names.unwrap_or_else(|| classes.clone());
        if names.len() != classes.len() {
            return Err(TaskError::new(format!("{} classes have {} names", classes.len(), names.len())));
        }
        for labels in [&classes, &names] {
            let mut seen = BTreeSet::new();
            if !labels.iter().all(|label| seen.insert(label)) {
                return Err(TaskError::new("two classes have the same label"));
            }
        }
        Ok(Self { own: classes, names })
    }

    /// The number of classes.
    pub(super) fn count(&self) -> usize {
        self.own.len()
    }

    /// The place of the class that the network calls `label`.
    pub(super) fn place(&self, label: &TabularLabel) -> Option<usize> {
        self.own.iter().position(|own| own == label)
    }

    /// The label of the class at `place`, in answers.
    pub(super) fn name(&self, place: usize) -> Option<&TabularLabel> {
        self.names.get(place)
    }

    /// The labels of all classes, in answers.
    pub(super) fn names(&self) -> impl Iterator<Item = &TabularLabel> {
        self.names.iter()
    }
}

#[cfg(test)]
mod tests {
    use amaas_engine::Dim;

    use super::*;

    #[test]
    fn names_come_from_the_publisher_then_the_network_then_its_configuration() {
        let load = |datatype, metadata: &str, chosen: Option<[&str; 2]>, of_config: Option<[&str; 2]>| {
            let metadata = [(CLASS_LABELS.to_owned(), metadata.to_owned())].into();
            let label = TensorSpec::new("label", datatype, vec![Dim::Symbol(String::new())]);
            let network = NetworkInfo { metadata, ..NetworkInfo::default() };
            let texts = |names: [&str; 2]| names.map(str::to_owned).to_vec();
            let names = ClassNames { chosen: chosen.map(texts), of_config: of_config.map(texts) };
            let classes = Classes::resolve(&network, &ColumnsFile::default(), names, ("p", Some(2), Some(&label)));
            let classes = classes.expect("a classifier");
            (serde_json::to_string(&classes.own).expect("JSON"), serde_json::to_string(&classes.names).expect("JSON"))
        };
        let own = r#"{"p":[7,9]}"#;
        for (metadata, chosen, of_config, expected) in [
            (own, None, Some(["a", "b"]), ("[7,9]", "[7,9]")),
            (own, Some(["x", "y"]), Some(["a", "b"]), ("[7,9]", r#"["x","y"]"#)),
            ("{}", None, Some(["a", "b"]), ("[0,1]", r#"["a","b"]"#)),
        ] {
            let (classes, names) = load(Datatype::Int64, metadata, chosen, of_config);
            assert_eq!((classes.as_str(), names.as_str()), expected);
        }
        let (classes, names) = load(Datatype::Bytes, "{}", Some(["x", "y"]), None);
        assert_eq!((classes.as_str(), names.as_str()), (r#"["x","y"]"#, r#"["x","y"]"#));
    }
}
