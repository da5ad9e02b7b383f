//! The outputs of networks with a mask for each query: `MaskFormer`, `Mask2Former`, DETR.

use amaas_model::PredictError;
use amaas_model::task::CpuPermit;
use amaas_wire::Tensor;

use super::channels::Channels;
use crate::scores::softmax;
use crate::vision::values::values;

/// The names of a network's outputs, and what is done with its masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MaskOutputs {
    /// `[batch, queries, classes + 1]`, logits; the last class is "no object".
    pub(super) classes: &'static str,
    /// `[batch, queries, height, width]`, logits.
    pub(super) masks: &'static str,
    /// The side that masks are resized to first.
    pub(super) side: Option<usize>,
}

/// The classes and masks of an image's queries.
#[derive(Clone, Debug)]
pub(super) struct QueryMasks {
    /// The probabilities of each query's classes, "no object" last.
    pub(super) classes: Vec<Vec<f32>>,
    masks: Vec<f32>,
    /// Width and height of a mask.
    size: (usize, usize),
    side: Option<usize>,
}

impl QueryMasks {
    /// The queries of `outputs`, with `classes` classes.
    ///
    /// # Errors
    /// If an output is missing or has another shape.
    pub(super) fn of(outputs: &[Tensor], names: MaskOutputs, classes: usize) -> Result<Self, PredictError> {
        let (logits, shape) = values(outputs, names.classes)?;
        let [queries, width] = *shape.as_slice() else {
            return Err(wrong_shape(names.classes, "[1, queries, classes + 1]", &shape));
        };
        if width != classes + 1 {
            return Err(wrong_shape(names.classes, &format!("[1, queries, {}]", classes + 1), &shape));
        }
        let (masks, shape) = values(outputs, names.masks)?;
        let size = match *shape.as_slice() {
            [count, height, width] if count == queries => (width, height),
            _ => return Err(wrong_shape(names.masks, &format!("[1, {queries}, height, width]"), &shape)),
        };
        let classes = logits.chunks_exact(width).map(softmax).collect();
        Ok(Self { classes, masks, size, side: names.side })
    }

    /// The logits of the masks of `queries`, in the size in which they are evaluated.
    ///
    /// # Errors
    /// If the caller is gone.
    pub(super) fn logits(&self, queries: &[usize], permit: &CpuPermit) -> Result<Channels, PredictError> {
        let channels = Channels::of_planes(&self.masks, self.size, queries, |logit| logit);
        match self.side {
            Some(side) => channels.resized((side, side), permit),
            None => Ok(channels),
        }
    }
}

/// An output that has another shape than expected; `got` is without the batch.
pub(super) fn wrong_shape(name: &str, expected: &str, got: &[usize]) -> PredictError {
    let got = got.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    PredictError::internal(format!("output {name:?}: expected the shape {expected}, got [1, {got}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_of_other_shapes_are_errors() {
        let names = MaskOutputs { classes: "logits", masks: "pred_masks", side: None };
        let tensor = |name: &str, shape: &[usize]| {
            let count = shape.iter().product();
            Tensor::new(name, shape.to_vec(), vec![0.5_f32; count]).expect("a tensor")
        };
        let read = |classes: &[usize], masks: &[usize]| {
            QueryMasks::of(&[tensor("logits", classes), tensor("pred_masks", masks)], names, 2).map(|_| ())
        };
        assert!(read(&[1, 4, 3], &[1, 4, 5, 6]).is_ok());
        for (classes, masks) in [
            (&[1, 4, 4][..], &[1, 4, 5, 6][..]),
            (&[1, 4], &[1, 4, 5, 6]),
            (&[1, 4, 3], &[1, 5, 5, 6]),
            (&[1, 4, 3], &[1, 4, 5]),
        ] {
            assert!(read(classes, masks).is_err(), "{classes:?} {masks:?}");
        }
    }
}
