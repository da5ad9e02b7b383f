"""All exports."""

from . import embedding, fill_mask, image_classification, question_answering, ranking, text_classification, token_classification, zero_shot

MODULES = [text_classification, zero_shot, token_classification, question_answering, fill_mask, embedding, ranking, image_classification]
EXPORTS = [export for module in MODULES for export in module.EXPORTS]
