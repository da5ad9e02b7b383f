//! The output of a classifier: a logit for each class, with the classes' labels.

use amaas_engine::Dim;
use amaas_model::PredictError;
use amaas_model::task::{TaskContext, TaskError};

use super::{ClassLabels, ConfigFile};

/// An output of a network whose last dimension is the classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogitsOutput {
    /// The name of the output.
    pub name: String,
    /// The labels of the classes.
    pub labels: ClassLabels,
}

impl LogitsOutput {
    /// The output `logits`, or the only one, which has `dimensions`, such as `batch` and `classes`.
    ///
    /// # Errors
    /// If there is none, it has another number of dimensions, or the labels are not one for each class.
    pub fn load(context: &TaskContext, config: &ConfigFile, dimensions: &[&str]) -> Result<Self, TaskError> {
        let outputs = &context.network.outputs;
        let named = outputs.iter().find(|output| output.name == LOGITS);
        let output = named.or_else(|| outputs.first().filter(|_| outputs.len() == 1)).ok_or_else(|| {
            let got = outputs.iter().map(|output| format!("{:?}", output.name)).collect::<Vec<_>>().join(", ");
            TaskError::new(format!("expected an output {LOGITS:?}, got {got}"))
        })?;
        if !output.unranked && output.shape.len() != dimensions.len() {
            let (name, got, expected) = (&output.name, output.shape.len(), dimensions.join(", "));
            return Err(TaskError::new(format!(
                "output {name:?}: expected the shape [{expected}], got {got} dimensions"
            )));
        }
        let labels = ClassLabels::load(context, config, output.shape.last().and_then(Dim::fixed))?;
        Ok(Self { name: output.name.clone(), labels })
    }

    /// Checks that the network gave a logit for each class.
    ///
    /// # Errors
    /// If it gave `got` of them, and there are more or fewer classes.
    pub fn check_classes(&self, got: usize) -> Result<(), PredictError> {
        let expected = self.labels.count();
        if got == expected {
            return Ok(());
        }
        Err(PredictError::internal(format!("output {:?}: expected {expected} classes, got {got}", self.name)))
    }
}

const LOGITS: &str = "logits";
