//! The forms of YOLO's output.

use super::suppression::Candidate;
use crate::vision::values::largest;

/// The shape of an output, without the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum YoloForm {
    /// `[4 + classes, boxes]`: centre and size, and a score for each class. `YOLOv8`, YOLO11.
    BoxesLast,
    /// `[boxes, 5 + classes]`: centre and size, the score of any object, and a score for each class. `YOLOv5`, `YOLOv7`.
    BoxesFirst,
    /// `[boxes, 6]`: corners, score and class of boxes that overlap little. `YOLOv10`, or exports with `nms`.
    EndToEnd,
}

impl YoloForm {
    /// The form of an output of `first` x `second` numbers; `None` if a missing one has to be known.
    pub(super) fn of(
        first: Option<usize>,
        second: Option<usize>,
        classes: usize,
        suppresses: bool,
    ) -> Result<Option<Self>, String> {
        let expected = || {
            let (last, first) = (classes + 4, classes + 5);
            format!(
                "expected [batch, {last}, boxes], [batch, boxes, {first}] or [batch, boxes, 6] for {classes} classes"
            )
        };
        let got = |side: Option<usize>| side.map_or("any".to_owned(), |side| side.to_string());
        let got = || format!("{}, got [batch, {}, {}]", expected(), got(first), got(second));
        let may_be = |side: Option<usize>, expected: usize| side.is_none_or(|side| side == expected);
        if suppresses {
            return if may_be(second, 6) { Ok(Some(Self::EndToEnd)) } else { Err(got()) };
        }
        // With one class, YOLOv5's rows have six numbers too, but never this many of them.
        let is_selection = second == Some(6) && (classes != 1 || first == Some(MAX_OBJECTS));
        match (may_be(first, classes + 4), may_be(second, classes + 5) && !is_selection, may_be(second, 6)) {
            (true, false, false) => Ok(Some(Self::BoxesLast)),
            (false, true, false) => Ok(Some(Self::BoxesFirst)),
            (false, _, true) if is_selection => Ok(Some(Self::EndToEnd)),
            (false, true, true) if second == Some(6) => Ok(Some(Self::BoxesFirst)),
            (false, false, false) => Err(got()),
            _ if first.is_none() || second.is_none() => Ok(None),
            _ => Err(format!(
                "{}; [batch, {}, {}] fits two of them",
                expected(),
                first.unwrap_or(0),
                second.unwrap_or(0)
            )),
        }
    }

    /// The box of a row, with its best class.
    pub(super) fn candidate(self, row: &[f32]) -> Option<Candidate> {
        let (place, scores) = row.split_first_chunk::<4>()?;
        let around =
            |[x, y, width, height]: [f32; 4]| [x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0];
        match (self, scores) {
            (Self::BoxesLast, scores) => {
                let (class, score) = largest(scores)?;
                Some(Candidate { class, score, corners: around(*place) })
            }
            (Self::BoxesFirst, [any, scores @ ..]) => {
                let scores: Vec<f32> = scores.iter().map(|score| score * any).collect();
                let (class, score) = largest(&scores)?;
                Some(Candidate { class, score, corners: around(*place) })
            }
            (Self::EndToEnd, [score, class]) => {
                // A cast saturates; a class beyond the names is an error.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let class = class.round() as usize;
                Some(Candidate { class, score: *score, corners: *place })
            }
            _ => None,
        }
    }
}

/// The maximum number of objects in an answer, and the number of boxes that a network with suppression gives. As in ultralytics.
pub(super) const MAX_OBJECTS: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_follows_from_the_shape() {
        let form = |first: usize, second: usize, classes: usize, suppresses: bool| {
            let known = |side: usize| (side != 0).then_some(side);
            YoloForm::of(known(first), known(second), classes, suppresses)
        };
        for (first, second, classes, suppresses, expected) in [
            (84, 8400, 80, false, Some(YoloForm::BoxesLast)),
            (84, 0, 80, false, None),
            (25200, 85, 80, false, Some(YoloForm::BoxesFirst)),
            (300, 6, 80, false, Some(YoloForm::EndToEnd)),
            (300, 6, 80, true, Some(YoloForm::EndToEnd)),
            (0, 6, 80, true, Some(YoloForm::EndToEnd)),
            // One class.
            (5, 8400, 1, false, Some(YoloForm::BoxesLast)),
            (25200, 6, 1, false, Some(YoloForm::BoxesFirst)),
            (300, 6, 1, false, Some(YoloForm::EndToEnd)),
            (100, 6, 1, true, Some(YoloForm::EndToEnd)),
            (0, 0, 80, false, None),
        ] {
            assert_eq!(
                form(first, second, classes, suppresses),
                Ok(expected),
                "[{first}, {second}], {classes} classes"
            );
        }
        assert!(form(84, 8400, 79, false).is_err_and(|error| error.contains("[batch, 83, boxes]")));
        assert!(form(84, 8400, 80, true).is_err());
        assert!(form(63, 64, 59, false).is_err_and(|error| error.contains("fits two")));
    }

    #[test]
    fn a_row_is_a_box_with_its_best_class() {
        let last = YoloForm::BoxesLast.candidate(&[10.0, 20.0, 4.0, 8.0, 0.2, 0.6]).expect("a box");
        assert_eq!(last, Candidate { class: 1, score: 0.6, corners: [8.0, 16.0, 12.0, 24.0] });
        let first = YoloForm::BoxesFirst.candidate(&[10.0, 20.0, 4.0, 8.0, 0.5, 0.5, 0.25]).expect("a box");
        assert_eq!(first, Candidate { class: 0, score: 0.25, corners: [8.0, 16.0, 12.0, 24.0] });
        let end = YoloForm::EndToEnd.candidate(&[8.0, 16.0, 12.0, 24.0, 0.5, 1.0]).expect("a box");
        assert_eq!(end, Candidate { class: 1, score: 0.5, corners: [8.0, 16.0, 12.0, 24.0] });
    }
}
