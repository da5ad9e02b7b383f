//! Inputs, parameters and predictions of pipelines, as Hugging Face's task specifications name them.

mod audio;
mod audio_classification;
mod feature_extraction;
mod fill_mask;
mod function_to_apply;
mod image_classification;
mod image_features;
mod image_segmentation;
mod label_score;
mod object_detection;
mod question_answering;
mod speech_recognition;
mod table_row;
mod tabular;
mod text_classification;
mod text_or_pair;
mod text_ranking;
mod text_recognition;
mod timestamps;
mod token_classification;
mod zero_shot_classification;
mod zero_shot_image_classification;

pub use self::audio::Audio;
pub use self::audio_classification::AudioClassificationParameters;
pub use self::feature_extraction::{FeatureExtractionParameters, Features};
pub use self::fill_mask::{FillMaskParameters, FilledMask, FilledMasks};
pub use self::function_to_apply::FunctionToApply;
pub use self::image_classification::ImageClassificationParameters;
pub use self::image_features::{ImageFeatureExtractionParameters, ImageFeatures};
pub use self::image_segmentation::{ImageSegment, ImageSegmentationParameters, SegmentationSubtask};
pub use self::label_score::LabelScore;
pub use self::object_detection::{BoundingBox, DetectedObject, ObjectDetectionParameters};
pub use self::question_answering::{ExtractedAnswer, QuestionAndContext, QuestionAnsweringParameters};
pub use self::speech_recognition::{SpeechChunk, SpeechRecognitionParameters, SpeechTranscript, StrideLength};
pub use self::table_row::{TableCell, TableRow};
pub use self::tabular::{
    TabularClassification, TabularClassificationParameters, TabularLabel, TabularRegression, TabularScore,
    TabularScoreType,
};
pub use self::text_classification::TextClassificationParameters;
pub use self::text_or_pair::TextOrPair;
pub use self::text_ranking::{QueryAndDocuments, RankedDocument, TextRankingParameters};
pub use self::text_recognition::{RecognizedText, TextRecognitionParameters};
pub use self::timestamps::Timestamps;
pub use self::token_classification::{AggregationStrategy, TokenClassificationParameters, TokenEntity};
pub use self::zero_shot_classification::ZeroShotClassificationParameters;
pub use self::zero_shot_image_classification::ZeroShotImageClassificationParameters;
