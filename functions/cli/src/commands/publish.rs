//! `amaas publish`.

use std::collections::BTreeMap;
use std::path::Path;

use amaas_engine::{Batching, TensorSpec};
use amaas_model::at_rest::SignerFile;
use amaas_model::manifest::{Blob, GoldenCases};
use amaas_model::publish::{BlobProtection, NetworkFiles, OnnxError, Publication, PublishOutcome, Publisher, publish};
use amaas_serve::sealing::KeySet;
use amaas_store::Alias;
use bytes::Bytes;

use super::alias;
use crate::arguments::{NamedFile, PublishArguments};
use crate::error::CliError;
use crate::output;
use crate::settings::{ModelStore, Settings};

pub(crate) async fn run(settings: &Settings, arguments: PublishArguments) -> Result<(), CliError> {
    check_files_exist(&arguments)?;
    let place = settings.store(arguments.store.store.as_deref()).await?;
    let owner = publisher(settings, &arguments).await?;
    let publication = publication(&arguments)?;
    if let BlobProtection::Sealed(vault) = &owner.protection {
        // Clients need keys to seal to from the first call on.
        KeySet::create(&place.store, &publication.model, vault).await?;
    }
    let tasks = match arguments.task.as_ref().filter(|_| arguments.unchecked_task) {
        Some(task) => super::dev::tasks().with_unchecked(task),
        None => super::dev::tasks(),
    };
    let published = publish(&place.store, publication, &tasks, &library()?, &owner).await?;
    report(settings, &published, &arguments.alias, &place)
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
    for path in std::iter::once(&arguments.network).chain(named).chain(&arguments.golden) {
        std::fs::metadata(path).map_err(|error| CliError::file(path, &error))?;
    }
    Ok(())
}

fn publication(arguments: &PublishArguments) -> Result<Publication, CliError> {
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
    Ok(Publication {
        model: arguments.name.clone(),
        version: arguments.version.clone(),
        alias: arguments.alias.clone(),
        network: network(&arguments.network)?,
        task: arguments.task.clone(),
        assets,
        networks,
        golden,
        batching: arguments.batching.into(),
    })
}

fn report(settings: &Settings, published: &PublishOutcome, alias: &Alias, place: &ModelStore) -> Result<(), CliError> {
    let manifest = &published.manifest;
    for warning in &published.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    if settings.json {
        return output::json(&serde_json::json!({
            "new": published.is_new, "alias": alias, "moved": alias::is_moved(&published.alias), "from": alias::from(&published.alias),
            "manifest": manifest, "warnings": published.warnings, "store": place.uri, "store_endpoint": place.endpoint,
            "batching_because": published.batching_reason, "networks_because": published.networks_reason,
        }));
    }
    let word = if published.is_new { "published" } else { "already published:" };
    output::line(format_args!(
        "{word} {} version {}, serial {} ({} bytes, {})",
        manifest.model,
        manifest.version,
        manifest.serial,
        manifest.network.size + manifest.external.values().map(|file| file.size).sum::<u64>(),
        if manifest.sealing.is_some() { "sealed" } else { "not sealed" }
    ))?;
    let at = place.endpoint.as_ref().map(|url| format!(" at {url}")).unwrap_or_default();
    output::line(alias::described(&published.alias, (&manifest.model, alias), &manifest.version))?;
    output::line(format_args!("store {}{at}\n", place.uri))?;
    let external = |network: Option<&str>, files: &BTreeMap<String, Blob>| -> Vec<[String; 3]> {
        let of = network.map_or_else(|| "the network".to_owned(), |name| format!("network {name}"));
        files.iter().map(|(file, blob)| [file.clone(), of.clone(), blob.size.to_string()]).collect()
    };
    let mut files = external(None, &manifest.external);
    files.extend(manifest.networks.iter().flat_map(|(name, network)| external(Some(name), &network.external)));
    if !files.is_empty() {
        output::line(format_args!("{}\n", output::table(["FILE", "WEIGHTS OF", "BYTES"], files)))?;
    }
    let tensors = |kind: &'static str, specs: &[TensorSpec]| -> Vec<[String; 4]> {
        let row = |spec: &TensorSpec| {
            [kind.to_owned(), spec.name.clone(), spec.datatype.to_string(), format!("{:?}", spec.metadata().shape)]
        };
        specs.iter().map(row).collect()
    };
    let mut rows = [tensors("input", &manifest.inputs), tensors("output", &manifest.outputs)].concat();
    for (name, network) in &manifest.networks {
        let both = [tensors("input", &network.inputs), tensors("output", &network.outputs)].concat();
        rows.extend(
            both.into_iter()
                .map(|[kind, tensor, datatype, shape]| [format!("{kind} of {name}"), tensor, datatype, shape]),
        );
    }
    output::line(output::table(["KIND", "NAME", "DATATYPE", "SHAPE"], rows))?;
    output::line(format_args!("calls share runs: {} ({})", shares(manifest.batching), published.batching_reason))?;
    for (name, because) in &published.networks_reason {
        let batching = manifest.networks.get(name).map_or(Batching::None, |network| network.batching);
        output::line(format_args!("calls share runs of {name}: {} ({because})", shares(batching)))?;
    }
    let prepared = if manifest.prepared.is_some() { "yes" } else { "no" };
    output::line(format_args!("prepared: {prepared} ({})", published.prepared_reason))?;
    Ok(())
}

/// Whether calls share runs, in a word.
fn shares(batching: Batching) -> &'static str {
    match batching {
        Batching::Rows => "yes",
        Batching::SameTenant => "of one tenant",
        Batching::None => "no",
    }
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
