//! `text-ranking`: documents ranked by their relevance to a query, by a cross-encoder.

use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_model::PredictError;
use amaas_model::task::{
    CpuWork, ModelCall, Predictions, RankingInputs, RankingInterface, RelevantDocument, Task, TaskContext, TaskError,
    TaskInterfaces, UsageUnit, split_inputs,
};
use amaas_wire::openai::Truncation;
use amaas_wire::pipeline::{FunctionToApply, QueryAndDocuments, RankedDocument, TextRankingParameters};
use async_trait::async_trait;

use super::classifier::{ClassifierRow, TextClassifier, tokenising};
use super::row_outputs::RowOutputs;
use super::tokenizer::Truncate;
use super::truncation::cut_inputs;
use crate::export::ConfigFile;
use crate::parameters::check_at_least_one;
use crate::scores::scores;

/// The pipeline `text-ranking`: a query and documents in, the documents ranked out.
///
/// The network is a cross-encoder: it reads the query and a document together, and gives one score. Each document is a row. The name
/// is Hugging Face's, which has no schema for it; the scores are those of sentence-transformers.
#[derive(Debug)]
pub struct TextRanking {
    classifier: TextClassifier,
    activation: FunctionToApply,
}

impl Task for TextRanking {
    const NAME: &'static str = "text-ranking";
    const EXAMPLE: &'static str = r#"{"query":"What do cats eat?","documents":["Cats eat fish.","The roof is warm."]}"#;
    const IS_PARTIAL: bool = true;
    const UNIT: UsageUnit = UsageUnit::Tokens;
    type Input = QueryAndDocuments;
    type Parameters = TextRankingParameters;
    type Prediction = Vec<RankedDocument>;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let classifier = TextClassifier::load(context)?;
        match classifier.labels().count() {
            1 => {}
            got => {
                return Err(TaskError::new(format!(
                    "text-ranking needs a network with one score for a pair of texts, got {got} classes; \
                     text-classification takes pairs too"
                )));
            }
        }
        Ok(Self { classifier, activation: activation(context)? })
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<QueryAndDocuments>,
        parameters: TextRankingParameters,
    ) -> Result<Predictions<Vec<RankedDocument>>, PredictError> {
        check_at_least_one("top_n", parameters.top_n)?;
        let pairs: usize = inputs.iter().map(|input| input.documents.len()).fold(0, usize::saturating_add);
        if pairs > call.max_rows() {
            let most = call.max_rows();
            return Err(PredictError::invalid(format!("expected at most {most} documents in one call, got {pairs}")));
        }
        let task = Arc::clone(&self);
        let truncate = if parameters.truncation == Some(false) { Truncate::Refuse } else { Truncate::Longest };
        let encode = move |working: &CpuPermit| {
            let rows = |input: &QueryAndDocuments| task.rows(working, &input.query, &input.documents, truncate);
            Ok::<_, PredictError>(inputs.iter().map(rows).collect::<Vec<_>>())
        };
        let rows = call.check_inputs(call.compute(tokenising(&call), encode).await?)?;
        let truncated = cut_inputs(&rows, |rows| rows.iter().any(|row| row.is_cut));
        let (accepted, places) = split_inputs(rows);
        let counts: Vec<usize> = accepted.iter().map(Vec::len).collect();
        let rows = accepted.into_iter().flatten().map(|row| row.row).collect();
        let outputs = self.classifier.run(&call, rows).await?;
        let predict = move |_: &_| {
            let mut outputs = outputs.as_slice();
            let mut predictions = Vec::with_capacity(counts.len());
            for count in counts {
                let (own, others) = outputs.split_at(count);
                predictions.push(self.ranked(own, parameters.top_n));
                outputs = others;
            }
            Ok::<_, PredictError>(places.merge(predictions))
        };
        let predictions = call.compute(CpuWork::json(call.output_size()), predict).await?;
        Ok(Predictions::of_results(predictions).with_truncated(truncated))
    }

    fn interfaces(self: &Arc<Self>) -> TaskInterfaces {
        TaskInterfaces::default().with_ranking(Arc::clone(self) as Arc<dyn RankingInterface>)
    }
}

#[async_trait]
impl RankingInterface for TextRanking {
    async fn rank(
        self: Arc<Self>,
        call: ModelCall,
        inputs: RankingInputs,
    ) -> Result<Vec<RelevantDocument>, PredictError> {
        let RankingInputs { query, documents, top_n, truncation } = inputs;
        let truncate = if truncation == Truncation::Refuse { Truncate::Refuse } else { Truncate::Longest };
        let task = Arc::clone(&self);
        let encode = move |working: &CpuPermit| task.rows(working, &query, &documents, truncate);
        let rows = call.compute(tokenising(&call), encode).await?;
        let (rows, cut): (Vec<_>, Vec<_>) = rows.into_iter().map(|row| (row.row, row.is_cut)).unzip();
        let outputs = self.classifier.run(&call, rows).await?;
        let rank = move |_: &_| {
            let ranked = self.ranked(&outputs, top_n)?.into_iter();
            let document =
                |RankedDocument { index, score, .. }| RelevantDocument { index, score, truncated: cut[index] };
            Ok::<_, PredictError>(ranked.map(document).collect())
        };
        call.compute(CpuWork::json(call.output_size()), rank).await
    }
}

impl TextRanking {
    /// The rows of `documents`, each with `query`.
    fn rows(
        &self,
        working: &CpuPermit,
        query: &str,
        documents: &[String],
        truncate: Truncate,
    ) -> Result<Vec<ClassifierRow>, PredictError> {
        if documents.is_empty() {
            return Err(PredictError::invalid("documents: expected at least one, got none"));
        }
        let row = |(index, document): (usize, &String)| {
            let row = self.classifier.row(working, (query, Some(document)), truncate);
            row.map_err(|error| PredictError::invalid(format!("documents[{index}]: {error}")))
        };
        documents.iter().enumerate().map(row).collect()
    }

    /// The relevance of the document of a row.
    fn score(&self, outputs: &RowOutputs) -> Result<f32, PredictError> {
        let logits = self.classifier.logits(outputs)?;
        scores(&logits, self.activation).first().copied().ok_or_else(|| PredictError::internal("there is no score"))
    }

    fn ranked(&self, outputs: &[RowOutputs], top_n: Option<usize>) -> Result<Vec<RankedDocument>, PredictError> {
        let scores = outputs.iter().map(|outputs| self.score(outputs)).collect::<Result<Vec<_>, _>>()?;
        let mut ranked: Vec<_> =
            scores.into_iter().enumerate().map(|(index, score)| RankedDocument::new(index, score)).collect();
        ranked.sort_by(|one, other| other.score.total_cmp(&one.score));
        ranked.truncate(top_n.unwrap_or(usize::MAX));
        Ok(ranked)
    }
}

/// The function that sentence-transformers applies: what `config.json` names, else a sigmoid.
fn activation(context: &TaskContext) -> Result<FunctionToApply, TaskError> {
    let config = ConfigFile::read_or_empty(&context.assets, "config.json")?;
    let newer = config.optional::<serde_json::Value>("sentence_transformers")?;
    let newer = newer.as_ref().and_then(|section| section.get("activation_fn")?.as_str()).map(str::to_owned);
    let older = config.optional::<String>("sbert_ce_default_activation_function")?;
    let name = newer.or(older);
    match name.as_deref().map(|name| name.rsplit('.').next().unwrap_or(name)) {
        None | Some("Sigmoid") => Ok(FunctionToApply::Sigmoid),
        Some("Identity") => Ok(FunctionToApply::None),
        Some(_) => Err(config.error("sbert_ce_default_activation_function", "expected Sigmoid or Identity")),
    }
}
