//! The description of an ONNX file.

use amaas_model::publish::{DescribedTensor, NotProven, prove_rows, prove_sequences};
use amaas_pipelines::folder::ExportNetwork;
use serde_json::{Value, json};

use super::{TABLE_HEADINGS, kind_of, shape};
use crate::error::CliError;
use crate::output;

/// The description of an ONNX file, and what is proven of it.
pub(super) struct NetworkReport {
    network: ExportNetwork,
    rows: Result<(), NotProven>,
}

impl NetworkReport {
    pub(super) fn of(network: ExportNetwork) -> Result<Self, CliError> {
        let failed = |error| CliError::new(format_args!("{}: {error}", network.path.display()));
        let rows = match prove_sequences(&network.files).map_err(failed)? {
            Some(sequences) => sequences,
            None => prove_rows(&network.files).map_err(failed)?,
        };
        Ok(Self { network, rows })
    }

    pub(super) fn json(&self) -> Value {
        let (node, because) = match &self.rows {
            Ok(()) => (None, None),
            Err(unproven) => (unproven.node.as_ref(), Some(&unproven.because)),
        };
        let rows = json!({ "independent": self.rows.is_ok(), "node": node, "because": because });
        let ExportNetwork { path, variant, files, description, summary, .. } = &self.network;
        json!({
            "file": path, "variant": variant, "bytes": files.size(), "parameters": summary.parameters,
            "inputs": description.inputs, "outputs": description.outputs, "operator_sets": description.operator_sets,
            "operators": summary.operators, "rows": rows,
        })
    }

    pub(super) fn print(&self) -> Result<(), CliError> {
        let ExportNetwork { path, files, description, summary, .. } = &self.network;
        let (bytes, parameters) = (files.size(), summary.parameters);
        output::line(format_args!("{} ({bytes} bytes, {parameters} parameters)", path.display()))?;
        let sets = description.operator_sets.iter().map(|(domain, version)| format!("{domain} {version}"));
        output::line(format_args!("operator sets: {}", sets.collect::<Vec<_>>().join(", ")))?;
        for (domain, operators) in &summary.operators {
            let counts = operators.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>();
            output::line(output::wrapped(&format!("operators of {domain}: {}", counts.join(", ")), ""))?;
        }
        output::line("")?;
        let row = |kind: &str, tensor: &DescribedTensor| {
            let shape = tensor.shape.as_deref().map_or_else(|| "any".to_owned(), shape);
            [kind_of(kind, tensor.optional), tensor.name.clone(), tensor.datatype.clone(), shape]
        };
        let inputs = description.inputs.iter().map(|tensor| row("input", tensor));
        let rows = inputs.chain(description.outputs.iter().map(|tensor| row("output", tensor)));
        output::line(output::table(TABLE_HEADINGS, rows))?;
        match &self.rows {
            Ok(()) => output::line("rows are independent: proven"),
            Err(unproven) => output::line(format_args!("rows are independent: not proven ({unproven})")),
        }
    }
}
