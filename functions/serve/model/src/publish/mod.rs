//! Check → seal → sign → upload: the mirror of load. `optimise` will stand behind check.
//!
//! Invariant: what is published has been run here. A network that a function could not serve never reaches the store.

mod alias;
mod cases;
mod catalogue;
mod check;
mod decode;
mod in_progress;
mod limits;
mod prepare;
mod probe;
mod prune;
mod remove;
mod seal;
mod share;
mod tried;
mod upload;

use std::collections::BTreeMap;
use std::path::Path;

use amaas_wire::Datatype;
use amaas_wire::dsse::{SigningKey, VerifyingKey};
use bytes::Bytes;

pub use self::catalogue::{Listed, StrayAlias, is_removed, stray_aliases, versions};
pub use self::check::PublishError;
pub use self::prune::{Blobs, Pruned, prune};
pub use self::remove::{Removal, Removed, remove};
pub use self::seal::{Protection, Publisher};
pub use self::share::BatchingPolicy;
use crate::load::Trust;
use crate::load::{Source, manifest, resolve};
use crate::manifest::{Golden, Manifest};
use crate::task::Tasks;
use amaas_engine::TensorSpec;
use amaas_engine::generate::DecoderTensors;
use amaas_engine::generate::TensorNames;
use amaas_engine::infer::LostFlag;
pub use amaas_engine::onnx::{DescribedTensor, NetworkDescription, NetworkFiles, NotProven, OnnxError};
use amaas_store::live;
use amaas_store::{Alias, ModelName, Store, Version, VersionSelector};

/// A model to be published.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The model's name.
    pub model: ModelName,
    /// The version; where not set, the next number.
    pub version: Option<Version>,
    /// The alias that will point to it.
    pub alias: Alias,
    /// The network.
    pub network: NetworkFiles,
    /// The task that gives it typed inputs and predictions; `None` serves it as it is.
    pub task: Option<String>,
    /// Files that the task needs, by name.
    pub assets: BTreeMap<String, Bytes>,
    /// The networks that the task runs beside its own, by the names that it gives them.
    pub networks: BTreeMap<String, NetworkFiles>,
    /// Cases with known answers; all are run before anything is uploaded, and a few by each function that loads it.
    pub golden: Option<Golden>,
    /// Who decides which calls share a run, of the model's own network and of those beside it.
    pub batching: BatchingPolicy,
}

impl Publication {
    /// The next version of a model that is served as it is, under the alias `live`.
    pub fn of_network(model: ModelName, network: impl Into<NetworkFiles>) -> Self {
        let (network, assets, networks) = (network.into(), BTreeMap::new(), BTreeMap::new());
        let (version, task, golden, batching) = (None, None, None, BatchingPolicy::default());
        Self { model, version, alias: live(), network, task, assets, networks, golden, batching }
    }

    /// The same of the ONNX file at `path` and the files beside it in which it has weights.
    ///
    /// # Errors
    /// What [`NetworkFiles::read`] says.
    pub fn of_file(model: ModelName, path: &Path) -> Result<Self, OnnxError> {
        Ok(Self::of_network(model, NetworkFiles::read(path)?))
    }
}

/// What was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The manifest that is in the store.
    pub manifest: Manifest,
    /// Whether it is new; `false` where the newest version was this very model already.
    pub is_new: bool,
    /// What became of the alias.
    pub alias: AliasMove,
    /// Why rows of different calls may share a run, or not.
    pub batching_because: String,
    /// The same of the networks beside the model's own.
    pub networks_because: BTreeMap<String, String>,
    /// Whether the network lies in the store in the form that is ready soonest too, or why not.
    pub prepared_because: String,
    /// What the publisher should know: a task that was not checked, a network that could not be tried because it takes no made-up
    /// values, vectors whose length is changed.
    pub warnings: Vec<String>,
}

/// What became of an alias that was to point to a version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AliasMove {
    /// It pointed there already.
    Unchanged,
    /// It is new.
    Made,
    /// It pointed elsewhere.
    Moved {
        /// The version that it pointed to; `None` where that could not be read.
        from: Option<Version>,
    },
}

/// Publishes `publication` into `store` in the name of `publisher`, checked with the ONNX Runtime library at `library` and, where the model has a
/// task, with that of `tasks`.
///
/// Publishing the same model again makes no new version, but moves the alias.
///
/// # Errors
/// [`PublishError`]; nothing points to what was uploaded before it.
pub async fn publish(
    store: &Store,
    publication: Publication,
    tasks: &Tasks,
    library: &Path,
    publisher: &Publisher,
) -> Result<Published, PublishError> {
    let (tasks, library) = (tasks.clone(), library.to_owned());
    let lost = LostFlag::default();
    let making = lost.clone();
    let checked = tokio::task::spawn_blocking(move || making.scope(|| check::check(publication, &tasks, &library)));
    let checked = tokio::select! {
        checked = checked => checked.map_err(|error| PublishError::Interrupted(error.to_string()))??,
        () = lost.lost() => return Err(PublishError::DoesNotEnd),
    };
    Box::pin(upload::upload(store, checked, publisher)).await
}

/// Points `alias` of `model` to a version that is there, signed by `signer`: to roll back, or to take a version that was published under
/// another alias.
///
/// # Errors
/// [`PublishError::NoModel`] or [`PublishError::NoVersion`] where there is none such, [`PublishError::AliasCase`] where another alias
/// differs from this one in upper and lower case only.
pub async fn point(
    store: &Store,
    of: (&ModelName, &Alias),
    version: &Version,
    signer: &SigningKey,
) -> Result<AliasMove, PublishError> {
    alias::point(store, of, version, signer).await
}

/// Signs the aliases of a store that an earlier version of amaas wrote, which are bare text, as they point now.
///
/// # Errors
/// When the store cannot be reached.
pub async fn sign_aliases(store: &Store, signer: &SigningKey) -> Result<(), PublishError> {
    alias::sign_aliases(store, signer).await
}

/// Whether some version of the model in `store` that `publisher` signed is `publication` already, wherever its aliases point.
///
/// # Errors
/// When the store cannot be reached.
pub async fn is_published(
    store: &Store,
    publication: &Publication,
    publisher: &Publisher,
) -> Result<bool, PublishError> {
    upload::is_published(store, publication, publisher).await
}

/// What is published of `model` under `selector`, signed by one of `publishers`.
///
/// # Errors
/// [`PublishError::Load`] where there is nothing, or nothing that one of them signed.
pub async fn published(
    store: &Store,
    model: &ModelName,
    selector: &VersionSelector,
    publishers: &[VerifyingKey],
) -> Result<Manifest, PublishError> {
    let trust = Trust { publishers: publishers.to_vec(), least_serial: 0 };
    let source = Source::new(store.clone(), None, trust);
    let version = resolve(&source, model, selector).await?;
    Ok(manifest(&source, model, &version).await?.0)
}

/// What the file of a network says of itself.
///
/// # Errors
/// [`OnnxError`] if the file cannot be read.
pub fn describe(network: &NetworkFiles) -> Result<NetworkDescription, OnnxError> {
    amaas_engine::onnx::describe(network)
}

/// Whether the graph of a network proves that its rows do not see one another: that each output row depends on the same row of the inputs
/// alone, whatever else shares the run.
///
/// # Errors
/// [`OnnxError`] if the file cannot be read. The inner [`NotProven`] names the node where rows meet.
pub fn prove_rows(network: &NetworkFiles) -> Result<Result<(), NotProven>, OnnxError> {
    amaas_engine::onnx::rows::prove(network)
}

/// The same of a network that goes on with texts, whose caches may have the batch in another dimension; `None` where it is none.
///
/// # Errors
/// [`OnnxError`] if the file cannot be read.
pub fn prove_sequences(network: &NetworkFiles) -> Result<Option<Result<(), NotProven>>, OnnxError> {
    let NetworkDescription { inputs, outputs, .. } = amaas_engine::onnx::describe(network)?;
    let spec = |tensor: &DescribedTensor| {
        let datatype = Datatype::ALL.into_iter().find(|datatype| datatype.name() == tensor.datatype)?;
        let spec = TensorSpec::new(tensor.name.as_str(), datatype, tensor.shape.clone()?);
        Some(TensorSpec { optional: tensor.optional, ..spec })
    };
    let specs = |tensors: &[DescribedTensor]| tensors.iter().map(spec).collect::<Option<Vec<_>>>();
    let (Some(inputs), Some(outputs)) = (specs(&inputs), specs(&outputs)) else { return Ok(None) };
    match DecoderTensors::of(&inputs, &outputs, &TensorNames::default()) {
        Ok(contract) => decode::prove(network, &contract).map(Some),
        Err(_) => Ok(None),
    }
}
