//! Check → seal → sign → upload: the mirror of load.
//!
//! Invariant: every network is run before it is published. A network that a function could not serve never reaches the store.

mod alias;
mod catalogue;
mod check;
mod decoder_trial;
mod in_progress;
mod limits;
mod network_trial;
mod prepare;
mod probe;
mod prune;
mod remove;
mod seal;
mod sharing;
mod trial_inputs;
mod upload;

use std::collections::BTreeMap;
use std::path::Path;

use amaas_wire::Datatype;
use amaas_wire::dsse::{SigningKey, VerifyingKey};
use bytes::Bytes;

pub use self::catalogue::{ListedVersion, StrayAlias, is_removed, stray_aliases, versions};
pub use self::check::PublishError;
pub use self::prune::{BlobTotals, PruneReport, prune};
pub use self::remove::{RemovalReport, RemovalTarget, remove};
pub use self::seal::{BlobProtection, Publisher};
pub use self::sharing::BatchingPolicy;
use crate::load::TrustPolicy;
use crate::load::{ModelSource, read_manifest, resolve};
use crate::manifest::{GoldenCases, Manifest};
use crate::task::Tasks;
use amaas_engine::TensorSpec;
use amaas_engine::generate::DecoderTensors;
use amaas_engine::generate::TensorNames;
use amaas_engine::infer::LostFlag;
use amaas_engine::onnx::adapt;
pub use amaas_engine::onnx::{DescribedTensor, NetworkDescription, NetworkFiles, NotProven, OnnxError};
use amaas_store::live;
use amaas_store::{Alias, ModelName, Store, Version, VersionSelector};

/// A model to publish.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The model's name.
    pub model: ModelName,
    /// The version; the next number if `None`.
    pub version: Option<Version>,
    /// The alias that will point to it.
    pub alias: Alias,
    /// The network.
    pub network: NetworkFiles,
    /// The task that gives it typed inputs and predictions; `None` serves it as tensors.
    pub task: Option<String>,
    /// Files that the task needs, by name.
    pub assets: BTreeMap<String, Bytes>,
    /// The auxiliary networks of the task, by name.
    pub networks: BTreeMap<String, NetworkFiles>,
    /// Golden cases: all are run before the upload, and a few when a function loads the model.
    pub golden: Option<GoldenCases>,
    /// The policy for which calls share a run, of all networks.
    pub batching: BatchingPolicy,
}

impl Publication {
    /// The next version of a model without a task, under the alias `live`.
    pub fn of_network(model: ModelName, network: impl Into<NetworkFiles>) -> Self {
        let (network, assets, networks) = (network.into(), BTreeMap::new(), BTreeMap::new());
        let (version, task, golden, batching) = (None, None, None, BatchingPolicy::default());
        Self { model, version, alias: live(), network, task, assets, networks, golden, batching }
    }

    /// The same, with the networks in the form that is stored: see [`adapt`](amaas_engine::onnx::adapt).
    fn adapted(self) -> Result<Self, OnnxError> {
        let network = adapt(self.network)?;
        let named = self.networks.into_iter().map(|(name, network)| Ok((name, adapt(network)?)));
        let networks = named.collect::<Result<_, OnnxError>>()?;
        Ok(Self { network, networks, ..self })
    }

    /// The same, with the ONNX file at `path` and its external data files.
    ///
    /// # Errors
    /// Those of [`NetworkFiles::read`].
    pub fn of_file(model: ModelName, path: &Path) -> Result<Self, OnnxError> {
        Ok(Self::of_network(model, NetworkFiles::read(path)?))
    }
}

/// The outcome of publishing.
#[derive(Clone, Debug)]
pub struct PublishOutcome {
    /// The manifest that is in the store.
    pub manifest: Manifest,
    /// Whether it is new; `false` if the newest version was the same model.
    pub is_new: bool,
    /// How the alias changed.
    pub alias: AliasMove,
    /// Why rows of different calls may share a run, or not.
    pub batching_reason: String,
    /// The same for the auxiliary networks.
    pub networks_reason: BTreeMap<String, String>,
    /// How much faster the prepared network is, or why there is none.
    pub prepared_reason: String,
    /// Warnings for the publisher: a task that was not checked, a network that could not be tried on synthetic inputs,
    /// vectors that are normalised.
    pub warnings: Vec<String>,
}

/// How an alias changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AliasMove {
    /// It pointed to the version already.
    Unchanged,
    /// It is new.
    Made,
    /// It pointed to another version.
    Moved {
        /// The earlier version; `None` if the pointer could not be read.
        from: Option<Version>,
    },
}

/// Checks `publication` with the ONNX Runtime library at `library` and the model's task from `tasks`, signs it as
/// `publisher`, and writes it to `store`.
///
/// Publishing the same model again creates no new version, but moves the alias.
///
/// # Errors
/// [`PublishError`]; nothing refers to blobs that were uploaded before it.
pub async fn publish(
    store: &Store,
    publication: Publication,
    tasks: &Tasks,
    library: &Path,
    publisher: &Publisher,
) -> Result<PublishOutcome, PublishError> {
    let publication = publication.adapted()?;
    let (tasks, library) = (tasks.clone(), library.to_owned());
    let lost = LostFlag::default();
    let making = lost.clone();
    let checked =
        tokio::task::spawn_blocking(move || making.scope(|| check::check_publication(publication, &tasks, &library)));
    let checked = tokio::select! {
        checked = checked => checked.map_err(|error| PublishError::Interrupted(error.to_string()))??,
        () = lost.lost() => return Err(PublishError::DoesNotEnd),
    };
    Box::pin(upload::upload(store, checked, publisher)).await
}

/// Points `alias` of `model` to an existing version, signed by `signer`: to roll back, or to promote a version that was
/// published under another alias.
///
/// # Errors
/// [`PublishError::NoModel`] or [`PublishError::NoVersion`] if it does not exist, [`PublishError::AliasCase`] if another
/// alias differs from this one in upper and lower case only.
pub async fn set_alias(
    store: &Store,
    of: (&ModelName, &Alias),
    version: &Version,
    signer: &SigningKey,
) -> Result<AliasMove, PublishError> {
    alias::set_alias(store, of, version, signer).await
}

/// Signs the unsigned aliases of a store, which earlier versions of amaas wrote as plain text.
///
/// # Errors
/// When the store cannot be reached.
pub async fn sign_aliases(store: &Store, signer: &SigningKey) -> Result<(), PublishError> {
    alias::sign_aliases(store, signer).await
}

/// Whether any version of the model in `store` that `publisher` signed is the same as `publication`.
///
/// # Errors
/// When the store cannot be reached.
pub async fn is_published(
    store: &Store,
    publication: &Publication,
    publisher: &Publisher,
) -> Result<bool, PublishError> {
    upload::is_published(store, &publication.clone().adapted()?, publisher).await
}

/// The manifest of the version that `selector` resolves to, signed by one of `publishers`.
///
/// # Errors
/// [`PublishError::Load`] if there is none, or none that one of them signed.
pub async fn published_manifest(
    store: &Store,
    model: &ModelName,
    selector: &VersionSelector,
    publishers: &[VerifyingKey],
) -> Result<Manifest, PublishError> {
    let trust = TrustPolicy { publishers: publishers.to_vec(), least_serial: 0 };
    let source = ModelSource::new(store.clone(), None, trust);
    let version = resolve(&source, model, selector).await?;
    Ok(read_manifest(&source, model, &version).await?.0)
}

/// Describes the ONNX file of a network, as it is served.
///
/// # Errors
/// [`OnnxError`] if the file cannot be read.
pub fn describe(network: &NetworkFiles) -> Result<NetworkDescription, OnnxError> {
    amaas_engine::onnx::describe(&adapt(network.clone())?)
}

/// Tries to prove from the graph that rows are independent: that each output row depends only on the same row of the inputs.
///
/// # Errors
/// [`OnnxError`] if the file cannot be read. The inner [`NotProven`] names the node where rows meet.
pub fn prove_rows(network: &NetworkFiles) -> Result<Result<(), NotProven>, OnnxError> {
    amaas_engine::onnx::rows::prove(&adapt(network.clone())?)
}

/// The same for a decoder, whose KV caches may have the batch in another dimension; `None` if the network is not a decoder.
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
        Ok(contract) => decoder_trial::prove_sequences(network, &contract).map(Some),
        Err(_) => Ok(None),
    }
}
