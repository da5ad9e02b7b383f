//! `amaas dev`: object store, ledger, the models of this repository and an API key, all in this process.

use amaas_digits::Digits;
use amaas_embed::Embed;
use amaas_generate::Generate;
use amaas_local::dev::{self, DataFolder, HostedModels};
use amaas_match::Match;
use amaas_model::task::{Rows, Tasks, TextEmbedding, TextGeneration};
use amaas_names::Names;
use amaas_sentiment::Sentiment;

use crate::arguments::DevArguments;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, arguments: DevArguments) -> Result<(), CliError> {
    let data = DataFolder { path: settings.data(), is_named: settings.is_data_named() };
    dev::run(&data, arguments.port, models(), |started| {
        if settings.json {
            return output::json(&started.json());
        }
        let predict = format!("{}{} predict", program(), settings.data_argument());
        output::line(started.text(Some(&predict)))?;
        if arguments.profile { output::line(started.profile()) } else { Ok(()) }
    })
    .await?;
    if settings.json { Ok(()) } else { output::line("stopped") }
}

/// Every model of this repository.
fn models() -> HostedModels {
    let bundles: Vec<dev::ModelBundle> = vec![
        amaas_sentiment::bundle,
        amaas_names::bundle,
        amaas_digits::bundle,
        amaas_embed::bundle,
        amaas_match::bundle,
        amaas_generate::bundle,
    ];
    HostedModels { tasks: tasks(), bundles }
}

/// The tasks of these models.
pub(crate) fn tasks() -> Tasks {
    amaas_pipelines::with_pipelines(Tasks::default())
        .with::<Rows<Sentiment>>()
        .with::<Rows<Names>>()
        .with::<Rows<Digits>>()
        .with::<TextEmbedding<Embed>>()
        .with::<Match>()
        .with::<TextGeneration<Generate>>()
}

/// The command line of this process, for users to paste.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    if called.contains('/') { called } else { "amaas".to_owned() }
}
