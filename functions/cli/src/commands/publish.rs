//! `amaas publish`.

pub(super) mod export;
mod report;

use std::collections::BTreeMap;
use std::path::Path;

use amaas_model::at_rest::SignerFile;
use amaas_model::manifest::GoldenCases;
use amaas_model::publish::{BlobProtection, NetworkFiles, OnnxError, Publication, Publisher, publish};
use amaas_pipelines::folder::Export;
use amaas_serve::sealing::KeySet;
use bytes::Bytes;

use self::report::report;
use crate::arguments::{NamedFile, PublishArguments};
use crate::error::CliError;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, arguments: PublishArguments) -> Result<(), CliError> {
    check_files_exist(&arguments)?;
    let place = settings.store(arguments.store.store.as_deref()).await?;
    let owner = publisher(settings, &arguments).await?;
    let export = export::read(&arguments.path, &arguments.pipeline, arguments.task.as_deref())?;
    let inferred = export.pipeline.clone();
    let publication = publication(&arguments, export)?;
    if let BlobProtection::Sealed(vault) = &owner.protection {
        // Clients need keys to seal to from the first call on.
        KeySet::create(&place.store, &publication.model, vault).await?;
    }
    let tasks = match arguments.task.as_ref().filter(|_| arguments.unchecked_task) {
        Some(task) => super::dev::tasks().with_unchecked(task),
        None => super::dev::tasks(),
    };
    let published = publish(&place.store, publication, &tasks, &library()?, &owner).await;
    let published = published.map_err(|error| export::refused(error, &inferred))?;
    report(settings, &published, (&inferred, &arguments.alias), &place)
}

async fn publisher(settings: &Settings, arguments: &PublishArguments) -> Result<Publisher, CliError> {
    let store = arguments.store.store.as_deref();
    let signer = settings.signing_key(store, arguments.signing_key.as_deref())?;
    let signer = SignerFile::open(&signer)
        .map_err(|error| CliError::usage(error).hint("`amaas signer --create` makes a key if there is none"))?;
    let protection = if arguments.unsealed {
        BlobProtection::Unsealed
    } else {
        BlobProtection::Sealed(settings.vault(store, arguments.kms_key.as_deref()).await?)
    };
    Ok(Publisher { signer, protection })
}

/// The ONNX Runtime library, fetched if it is missing.
pub(crate) fn library() -> Result<std::path::PathBuf, CliError> {
    amaas_local::library().map_err(CliError::new)
}

/// Reports missing files before keys are read, and missing keys before gigabytes are read.
fn check_files_exist(arguments: &PublishArguments) -> Result<(), CliError> {
    let named = arguments.assets.iter().chain(&arguments.networks).map(|file| &file.path);
    for path in
        std::iter::once(&arguments.path).chain(named).chain(&arguments.golden).chain(&arguments.pipeline.label_file)
    {
        std::fs::metadata(path).map_err(|error| CliError::file(path, &error))?;
    }
    Ok(())
}

/// The model of `export` and of the files that are named. A named file replaces one of the export.
fn publication(arguments: &PublishArguments, export: Export) -> Result<Publication, CliError> {
    let (mut assets, mut networks) = (BTreeMap::new(), BTreeMap::new());
    for NamedFile { name, path } in &arguments.assets {
        let name = name.as_deref().or_else(|| path.file_name().and_then(|name| name.to_str()));
        let name = name.ok_or_else(|| CliError::file(path, &"an asset needs a file name that is UTF-8"))?;
        if assets.insert(name.to_owned(), read(path)?).is_some() {
            return Err(CliError::file(path, &"another asset has the same file name"));
        }
    }
    for NamedFile { name, path } in &arguments.networks {
        let name = name.as_deref().ok_or_else(|| {
            CliError::file(path, &"a network beside the model's own needs the name that the task gives it")
                .hint("--network NAME=FILE")
        })?;
        if networks.insert(name.to_owned(), network(path)?).is_some() {
            return Err(CliError::file(path, &"another network has the same name"));
        }
    }
    let golden = match &arguments.golden {
        Some(path) => Some(GoldenCases::from_json(&read(path)?).map_err(|error| CliError::file(path, &error))?),
        None => None,
    };
    let task = arguments.task.clone().or(export.pipeline.name().map(str::to_owned));
    let mut all = export.assets;
    all.extend(assets);
    let mut all_networks: BTreeMap<_, _> =
        export.networks.into_iter().map(|(name, network)| (name, network.files)).collect();
    all_networks.extend(networks);
    Ok(Publication {
        model: arguments.name.clone(),
        version: arguments.version.clone(),
        alias: arguments.alias.clone(),
        network: export.network.files,
        task,
        assets: all,
        networks: all_networks,
        golden,
        batching: arguments.batching.into(),
    })
}

/// An ONNX file, and the files that it names.
pub(crate) fn network(path: &Path) -> Result<NetworkFiles, CliError> {
    NetworkFiles::read(path).map_err(|error| match error {
        OnnxError::Io(_) => CliError::file(path, &error),
        error => CliError::new(format_args!("{}: {error}", path.display())),
    })
}

fn read(path: &Path) -> Result<Bytes, CliError> {
    std::fs::read(path).map(Bytes::from).map_err(|error| CliError::file(path, &error))
}
