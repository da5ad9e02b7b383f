//! Runs of images: images of one size share a run, others run one after another, so that no image is padded for another one.

use std::sync::Arc;

use amaas_model::PredictError;
use amaas_model::task::{Cost, CpuWork, InvalidInput, ModelCall, checkpoint, split};
use amaas_wire::Tensor;
use amaas_wire::task::Image;

use super::{ImageInputs, ImageProcessor, ProcessedImage};

/// An image processor and the network that takes its pixels.
#[derive(Clone, Debug)]
pub struct ImageNetwork {
    /// The processor.
    pub processor: ImageProcessor,
    /// The network's inputs of images.
    pub inputs: ImageInputs,
}

impl ImageNetwork {
    /// Decodes and processes `images`. An image that is at fault has its own error.
    ///
    /// # Errors
    /// If the call is refused.
    pub async fn process(
        self: &Arc<Self>,
        call: &ModelCall,
        images: Vec<Image>,
    ) -> Result<Vec<Result<ProcessedImage, PredictError>>, PredictError> {
        let network = Arc::clone(self);
        // A file of some kilobytes can be an image of megapixels.
        let work = CpuWork::heavy(call.input_size(), amaas_image::MAX_MEMORY_BYTES);
        let process = move |_: &_| {
            let mut processed = Vec::with_capacity(images.len());
            let mut pixels = 0;
            for image in images {
                let image = amaas_image::rgb(image.as_bytes()).map_err(InvalidInput::new);
                let image = image.and_then(|image| network.processor.process(image)).and_then(|image| {
                    pixels += u64::from(image.size().0) * u64::from(image.size().1);
                    let refused =
                        format!("expected images of at most {MAX_CALL_PIXELS} pixels in all after resizing, got more");
                    if pixels > MAX_CALL_PIXELS { Err(InvalidInput::new(refused)) } else { Ok(image) }
                });
                processed.push(image.map_err(PredictError::from));
                checkpoint()?;
            }
            Ok::<_, PredictError>(processed)
        };
        call.compute(work, process).await
    }

    /// Runs the model's own network on `images`, and returns the outputs of each, with a batch of 1. The call is charged a row for each.
    ///
    /// # Errors
    /// If the call is refused, or a run fails.
    pub async fn run(
        self: &Arc<Self>,
        call: &ModelCall,
        images: Vec<ProcessedImage>,
    ) -> Result<Vec<Vec<Tensor>>, PredictError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let model = call.networks().own();
        let plan = plan(&images.iter().map(ProcessedImage::size).collect::<Vec<_>>(), model.has_rows());
        let charge = call.charge(Cost::rows(images.len())).await?;
        let images = Arc::new(images);
        let mut outputs = Vec::with_capacity(plan.len());
        // The tensors of one run at a time are in memory.
        for run in &plan {
            let (network, images, run) = (Arc::clone(self), Arc::clone(&images), run.clone());
            let tensors = move |_: &_| {
                let images: Vec<_> = run.iter().map(|index| &images[*index]).collect();
                network.inputs.tensors(&network.processor, &images)
            };
            let tensors = call.compute(CpuWork::heavy(call.input_size(), 0), tensors).await?;
            let prepared = model.prepare(vec![tensors], call.tenant(), call.max_rows().max(MAX_IMAGES))?;
            outputs.extend(call.run(&charge, model, prepared).await?);
        }
        by_image(&plan, outputs, images.len())
    }
}

/// The outputs of each image, in the order of the images.
fn by_image(plan: &[Vec<usize>], outputs: Vec<Vec<Tensor>>, count: usize) -> Result<Vec<Vec<Tensor>>, PredictError> {
    let mut of_image = vec![Vec::new(); count];
    for (run, outputs) in plan.iter().zip(outputs) {
        if let [index] = run.as_slice() {
            of_image[*index] = outputs;
            continue;
        }
        let rows = split(&outputs, &vec![1; run.len()]);
        let rows = rows.ok_or_else(|| PredictError::internal("an output has not one row for each image"))?;
        for (index, row) in run.iter().zip(rows) {
            of_image[*index] = row;
        }
    }
    Ok(of_image)
}

/// Batches images of `sizes` into runs, by index.
pub(super) fn plan(sizes: &[(u32, u32)], has_rows: bool) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        let pixels = u64::from(size.0) * u64::from(size.1);
        let has_room =
            |run: &&mut Vec<usize>| sizes[run[0]] == *size && (run.len() as u64 + 1) * pixels <= MAX_RUN_PIXELS;
        match runs.iter_mut().find(has_room).filter(|_| has_rows) {
            Some(run) => run.push(index),
            None => runs.push(vec![index]),
        }
    }
    runs
}

/// Images of one call: decoding one of the largest size takes some tenths of a second.
pub(super) const MAX_IMAGES: usize = 64;
/// Resized pixels of one call, three bytes each: four of the largest images.
const MAX_CALL_PIXELS: u64 = 4 * amaas_image::MAX_PIXELS;
/// Pixels of a run with several images: 32 images of 224 x 224 pixels.
const MAX_RUN_PIXELS: u64 = 32 * 224 * 224;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_one_size_share_a_run() {
        let sizes = [(224, 224), (100, 80), (224, 224), (80, 100), (100, 80)];
        assert_eq!(plan(&sizes, true), [vec![0, 2], vec![1, 4], vec![3]]);
        assert_eq!(plan(&sizes[..3], false), [vec![0], vec![1], vec![2]]);
        let runs = plan(&[(224, 224); 70], true);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [32, 32, 6]);
    }
}
