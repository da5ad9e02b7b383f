//! `text-recognition`: images to the lines of text in them.

use std::sync::Arc;

use amaas_model::PredictError;
use amaas_model::task::{
    Charge, Cost, CpuWork, InvalidInput, ModelCall, ModelNetwork, Predictions, Task, TaskContext, TaskError,
    checkpoint, join, split, split_inputs,
};
use amaas_wire::Tensor;
use amaas_wire::pipeline::{RecognizedText, TextRecognitionParameters};
use amaas_wire::task::Image;
use bytes::Bytes;

use super::boxes::line_boxes;
use super::detector::Detector;
use super::line::BATCH_LINES;
use super::line_batch::{Line, LineBatch, batches};
use super::networks::OcrNetworks;
use super::page::Page;
use crate::parameters::bad_parameter;
use crate::vision::example::image_of_file;

/// The pipeline `text-recognition`: an image in, its lines of text out, in reading order.
///
/// The model's own network is a detector, and the auxiliary network `recognition` reads the lines. If the model's own network is a
/// recognizer, each image is one line. With the auxiliary network `direction`, lines that are upside down are turned around. A call is
/// charged a row for each run of a network over an image or a line.
#[derive(Debug)]
pub struct TextRecognition {
    networks: Arc<OcrNetworks>,
}

impl Task for TextRecognition {
    const NAME: &'static str = "text-recognition";
    const EXAMPLE: &'static str = EXAMPLE;
    const OPTIONAL_NETWORKS: &'static [&'static str] = &[OcrNetworks::DIRECTION, OcrNetworks::RECOGNITION];
    const IS_PARTIAL: bool = true;
    // Reading a page takes some seconds.
    const MAX_INPUTS: usize = 8;
    type Input = Image;
    type Parameters = TextRecognitionParameters;
    type Prediction = Vec<RecognizedText>;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        Ok(Self { networks: Arc::new(OcrNetworks::load(context)?) })
    }

    fn input_of_file(file: Bytes, media_type: &str) -> Option<Image> {
        image_of_file(&file, media_type)
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<Image>,
        parameters: TextRecognitionParameters,
    ) -> Result<Predictions<Vec<RecognizedText>>, PredictError> {
        let threshold = self.threshold(&parameters)?;
        let pages = call.check_inputs(self.pages(&call, inputs).await?)?;
        let (accepted, places) = split_inputs(pages);
        let mut results = Vec::with_capacity(accepted.len());
        for page in accepted {
            let mut lines = self.read(&call, Arc::new(page)).await;
            if let Ok(lines) = &mut lines {
                lines.retain(|line| line.score >= threshold);
            }
            let is_last = lines.is_err() && !call.is_partial();
            results.push(lines);
            if is_last {
                break;
            }
        }
        Ok(places.merge(call.check_inputs(results)?).into())
    }
}

impl TextRecognition {
    /// The lowest score of a line in the answer.
    fn threshold(&self, parameters: &TextRecognitionParameters) -> Result<f32, PredictError> {
        match parameters.threshold {
            None if self.networks.detector.is_some() => Ok(DEFAULT_THRESHOLD),
            None => Ok(0.0),
            Some(threshold) if (0.0..=1.0).contains(&threshold) => Ok(threshold),
            Some(threshold) => {
                Err(bad_parameter("threshold", &format!("expected a number from 0 to 1, got {threshold}")))
            }
        }
    }

    /// Decodes `images` to pages.
    async fn pages(
        &self,
        call: &ModelCall,
        images: Vec<Image>,
    ) -> Result<Vec<Result<Page, PredictError>>, PredictError> {
        let has_detector = self.networks.detector.is_some();
        let memory = amaas_image::MAX_MEMORY_BYTES + images.len() * MAX_PAGE_BYTES;
        let decode = move |_: &_| {
            let mut pages = Vec::with_capacity(images.len());
            for image in images {
                let page = amaas_image::colour(image.as_bytes()).map_err(InvalidInput::new).and_then(Page::of);
                let page = page.map(|page| if has_detector { page.with_bars() } else { page });
                pages.push(page.map_err(PredictError::from));
                checkpoint()?;
            }
            Ok::<_, PredictError>(pages)
        };
        call.compute(CpuWork::heavy(call.input_size(), memory), decode).await
    }

    /// The lines of `page`, in reading order.
    async fn read(&self, call: &ModelCall, page: Arc<Page>) -> Result<Vec<RecognizedText>, PredictError> {
        let lines = match &self.networks.detector {
            Some(detector) => detect(call, detector, &page).await?,
            None => vec![Line::whole(&page)],
        };
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let runs = if self.networks.direction.is_some() { 2 } else { 1 };
        let charge = call.charge(Cost::rows(runs * lines.len())).await?;
        let mut read: Vec<Option<RecognizedText>> = vec![None; lines.len()];
        for batch in batches(&lines) {
            let of_batch: Vec<Line> = batch.iter().map(|index| lines[*index]).collect();
            let corners: Vec<_> = of_batch.iter().map(|line| line.corners_in_image(&page)).collect();
            let texts = self.recognize(call, &charge, &page, of_batch).await?;
            for ((index, corners), (text, score)) in batch.into_iter().zip(corners).zip(texts) {
                read[index] = Some(RecognizedText::new(text, score, corners));
            }
        }
        let read: Option<Vec<_>> = read.into_iter().collect();
        read.ok_or_else(|| PredictError::internal("a line was not read"))
    }

    /// The texts of `lines`, which are at most [`BATCH_LINES`], with their scores.
    async fn recognize(
        &self,
        call: &ModelCall,
        charge: &Charge,
        page: &Arc<Page>,
        lines: Vec<Line>,
    ) -> Result<Vec<(String, f32)>, PredictError> {
        let count = lines.len();
        let memory = LineBatch::memory(&lines);
        let (networks, page) = (Arc::clone(&self.networks), Arc::clone(page));
        let cut = move |_: &_| LineBatch::cut(&networks, &page, &lines);
        let mut batch = call.compute(CpuWork::heavy(call.input_size(), memory), cut).await?;

        let mut upside_down = vec![false; count];
        if let (Some(direction), Some(tensor)) = (&self.networks.direction, batch.take_direction()) {
            let network = call.networks().named(OcrNetworks::DIRECTION)?;
            upside_down = direction.upside_down(&run(call, charge, network, tensor, count).await?, count)?;
        }
        let networks = Arc::clone(&self.networks);
        let tensor = move |_: &_| batch.tensor(&networks, &upside_down);
        let tensor = call.compute(CpuWork::heavy(call.input_size(), 0), tensor).await?;

        let network = match self.networks.detector {
            Some(_) => call.networks().named(OcrNetworks::RECOGNITION)?,
            None => call.networks().own(),
        };
        let outputs = run(call, charge, network, tensor, count).await?;
        let networks = Arc::clone(&self.networks);
        let decode = move |_: &_| networks.recognizer.texts(&outputs, count);
        call.compute(CpuWork::heavy(call.input_size(), 0), decode).await
    }
}

/// The lines that `detector` finds on `page`, in reading order.
async fn detect(call: &ModelCall, detector: &Detector, page: &Arc<Page>) -> Result<Vec<Line>, PredictError> {
    let charge = call.charge(Cost::rows(1)).await?;
    let (own, of_page) = (detector.clone(), Arc::clone(page));
    let tensor = move |_: &_| own.tensor(of_page.image());
    let tensor = call.compute(CpuWork::heavy(call.input_size(), Detector::MEMORY_BYTES), tensor).await?;
    let outputs = run(call, &charge, call.networks().own(), tensor, 1).await?;
    let (own, size) = (detector.clone(), page.image().dimensions());
    let lines = move |_: &_| {
        let boxes = line_boxes(&own.map(&outputs)?, size)?;
        Ok::<_, PredictError>(Line::in_boxes(boxes)?)
    };
    call.compute(CpuWork::heavy(call.input_size(), Detector::MEMORY_BYTES), lines).await
}

/// What `network` gives for the `count` rows of `input`: in one run, or in one for each if the network is not known to have a batch.
async fn run(
    call: &ModelCall,
    charge: &Charge,
    network: &ModelNetwork,
    input: Tensor,
    count: usize,
) -> Result<Vec<Tensor>, PredictError> {
    let input = vec![input];
    let runs = if network.has_rows() || count == 1 {
        vec![input]
    } else {
        let rows = split(&input, &vec![1; count]);
        rows.ok_or_else(|| PredictError::internal(format!("expected an input of {count} rows")))?
    };
    let prepared = network.prepare(runs, call.tenant(), call.max_rows().max(BATCH_LINES))?;
    let outputs = call.run(charge, network, prepared).await?;
    if outputs.len() == 1 {
        return Ok(outputs.into_iter().next().unwrap_or_default());
    }
    if outputs.iter().flatten().any(|output| output.rows() != Some(1)) {
        return Err(PredictError::internal("expected outputs of one row for an input of one row, got others"));
    }
    join(&outputs.iter().map(Vec::as_slice).collect::<Vec<_>>()).map_err(PredictError::internal)
}

/// A PNG of the word "Hello", as JSON.
const EXAMPLE: &str = concat!(
    r#""iVBORw0KGgoAAAANSUhEUgAAAEAAAAAYAQAAAABiz8bpAAAAZUlEQVR42o2OoQ2AMAAEj8dUViKxuI7CCAzBAB2FEZiAGepYAQmOQGgRUE"#,
    r#"nCqxP3ny8ST8Q/SD2gK/lvJ9VsHsE5Mg8IqDAewWEJDmVdxMu+rXLPOxnMigsI4sLuEZTt1HQUPz7fBowZaMNMB2gAAAAASUVORK5CYII=""#
);
/// The default of `threshold` for lines that a detector found, as in `rapidocr`.
const DEFAULT_THRESHOLD: f32 = 0.5;
/// The memory of a page: 6.5 million pixels.
const MAX_PAGE_BYTES: usize = 3 * (13 << 19);
