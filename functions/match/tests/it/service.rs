//! A model on a real port.

use std::io::Write;

use amaas::task::ImageAndTexts;
use amaas_local::served_model::ServedModel;
use amaas_match::{Match, bundle};
use amaas_model::publish::Publication;
use amaas_model::task::{Task, Tasks};
use amaas_store::live;
use tempfile::TempDir;

pub(crate) fn committed() -> Publication {
    bundle(live()).expect("the committed model is whole")
}

pub(crate) fn tasks() -> Tasks {
    Tasks::default().with::<Match>()
}

/// The committed model.
pub(crate) async fn served() -> (ServedModel, TempDir) {
    served_with(committed()).await
}

pub(crate) async fn served_with(publication: Publication) -> (ServedModel, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let served = ServedModel::start(folder.path(), publication, &tasks()).await;
    (served.expect("the model can be served"), folder)
}

/// The task's own example: a seven.
pub(crate) fn example() -> ImageAndTexts {
    serde_json::from_str(Match::EXAMPLE).expect("an image and texts")
}

/// Reports on standard error why a test is skipped, past the harness, which hides the output of a passing test.
pub(crate) fn skip(why: &str) {
    // If standard error is closed, the report is lost.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
