//! The registry of pipelines.

use amaas_model::task::Tasks;

/// Adds every pipeline that this program is built with to `tasks`.
///
/// ```
/// use amaas_model::task::Tasks;
///
/// let tasks = amaas_pipelines::with_pipelines(Tasks::default());
/// assert!(tasks.names().any(|name| name == "text-classification"));
/// ```
#[must_use]
pub fn with_pipelines(tasks: Tasks) -> Tasks {
    #[cfg(feature = "audio")]
    let tasks = tasks.with::<crate::audio::AudioClassification>().with::<crate::audio::SpeechRecognition>();
    #[cfg(feature = "text")]
    let tasks = tasks
        .with::<crate::text::FeatureExtraction>()
        .with::<crate::text::FillMask>()
        .with::<crate::text::QuestionAnswering>()
        .with::<crate::text::TextClassification>()
        .with::<crate::text::TextRanking>()
        .with::<crate::text::TokenClassification>()
        .with::<crate::text::ZeroShotClassification>();
    #[cfg(feature = "tabular")]
    let tasks = tasks.with::<crate::tabular::TabularClassifier>().with::<crate::tabular::TabularRegressor>();
    #[cfg(all(feature = "text", feature = "vision"))]
    let tasks = tasks.with::<crate::vision::ZeroShotImageClassification>();
    #[cfg(feature = "vision")]
    let tasks = tasks
        .with::<crate::vision::ImageClassification>()
        .with::<crate::vision::ImageFeatureExtraction>()
        .with::<crate::vision::ImageSegmentation>()
        .with::<crate::vision::ObjectDetection>()
        .with::<crate::vision::TextRecognition>();
    tasks
}
