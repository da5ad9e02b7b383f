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
    #[cfg(feature = "text")]
    let tasks = tasks.with::<crate::text::TextClassification>();
    #[cfg(feature = "vision")]
    let tasks = tasks.with::<crate::vision::ImageClassification>().with::<crate::vision::ImageFeatureExtraction>();
    tasks
}
