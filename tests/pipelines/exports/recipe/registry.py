"""All exports."""

from . import (
    audio,
    detection,
    embedding,
    fill_mask,
    image_classification,
    image_features,
    question_answering,
    ranking,
    segmentation,
    tabular,
    text_classification,
    token_classification,
    yolo,
    zero_shot,
    zero_shot_images,
)

MODULES = [
    text_classification,
    zero_shot,
    token_classification,
    question_answering,
    fill_mask,
    embedding,
    ranking,
    image_classification,
    zero_shot_images,
    detection,
    segmentation,
    image_features,
    audio,
    yolo,
    tabular,
]
EXPORTS = [export for module in MODULES for export in module.EXPORTS]
