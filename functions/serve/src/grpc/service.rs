//! The methods of `inference.GRPCInferenceService`.

use std::pin::Pin;
use std::time::Duration;

use amaas_wire::oip::TensorMetadata;
use amaas_wire::oip::triton::{self, IndexRequest};
use futures_util::{Stream, stream};
use tonic::{Request, Response, Status, Streaming};

use super::infer;
use super::proto::grpc_inference_service_server::GrpcInferenceService;
use super::proto::{
    self, DataType, ModelConfigRequest, ModelConfigResponse, ModelInferRequest, ModelInferResponse,
    ModelMetadataRequest, ModelMetadataResponse, ModelReadyRequest, ModelReadyResponse, ModelStatisticsRequest,
    ModelStatisticsResponse, ModelStreamInferResponse, RepositoryIndexRequest, RepositoryIndexResponse,
    RepositoryModelLoadRequest, RepositoryModelLoadResponse, RepositoryModelUnloadRequest,
    RepositoryModelUnloadResponse, ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest,
    ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
};
use crate::error::CapacityError;
use crate::error::Error;
use crate::error::RouteError;
use crate::request::{AuthorisedModel, Caller};
use crate::router::{config, health, repository, stats};
use crate::state::AppState;
use amaas_access::RouteScope;
use amaas_model::load::Model;

/// The service for the models of a host.
#[derive(Clone)]
pub(super) struct Service {
    state: AppState,
}

impl Service {
    pub(super) fn new(state: AppState) -> Self {
        Self { state }
    }

    /// The model `name` in `version`, if the caller of `request` may use it.
    async fn model<T: Sync>(
        &self,
        request: &Request<T>,
        name: &str,
        version: &str,
    ) -> Result<std::sync::Arc<Model>, Error> {
        AuthorisedModel::of(&self.state, caller(request)?.clone(), name)?.model(non_empty(version)).await
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for Service {
    async fn server_live(&self, _: Request<ServerLiveRequest>) -> RpcResult<ServerLiveResponse> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> RpcResult<ServerReadyResponse> {
        Ok(Response::new(ServerReadyResponse { ready: health::host_readiness(&self.state).ready }))
    }

    async fn model_ready(&self, request: Request<ModelReadyRequest>) -> RpcResult<ModelReadyResponse> {
        let ModelReadyRequest { name, version } = request.into_inner();
        let ready = health::model_readiness(&self.state, &name, non_empty(&version))?.ready;
        Ok(Response::new(ModelReadyResponse { ready }))
    }

    async fn server_metadata(&self, _: Request<ServerMetadataRequest>) -> RpcResult<ServerMetadataResponse> {
        let metadata = health::metadata();
        let (name, version, extensions) = (metadata.name, metadata.version, metadata.extensions);
        Ok(Response::new(ServerMetadataResponse { name, version, extensions }))
    }

    async fn model_metadata(&self, request: Request<ModelMetadataRequest>) -> RpcResult<ModelMetadataResponse> {
        let ModelMetadataRequest { name, version } = request.get_ref();
        let metadata = self.model(&request, name, version).await?.metadata();
        Ok(Response::new(ModelMetadataResponse {
            name: metadata.name,
            versions: metadata.versions,
            platform: metadata.platform,
            inputs: metadata.inputs.into_iter().map(tensor_metadata).collect(),
            outputs: metadata.outputs.into_iter().map(tensor_metadata).collect(),
        }))
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> RpcResult<ModelInferResponse> {
        let caller = caller(&request)?.clone();
        let (metadata, _, message) = request.into_parts();
        let (answer, usage) = infer::model_infer(&self.state, caller, metadata.as_ref(), message).await?;
        let mut response = Response::new(answer);
        *response.metadata_mut() = tonic::metadata::MetadataMap::from_headers(usage);
        Ok(response)
    }

    type ModelStreamInferStream = Pin<Box<dyn Stream<Item = Result<ModelStreamInferResponse, Status>> + Send>>;

    /// Answers one call after the other. A failed call does not end the stream. Each call is authenticated, since a stream can last longer
    /// than a key. The stream ends if the function shuts down, or if no call arrives for [`STREAM_IDLE_TIMEOUT`].
    async fn model_stream_infer(
        &self,
        request: Request<Streaming<ModelInferRequest>>,
    ) -> RpcResult<Self::ModelStreamInferStream> {
        let headers = request.metadata().clone().into_headers();
        let stream = InferStream { messages: request.into_inner(), state: self.state.clone(), headers };
        let answers = stream::unfold(Some(stream), |stream| async {
            let mut stream = stream?;
            match stream.answer().await {
                Ok(answer) => answer.map(|answer| (Ok(answer), Some(stream))),
                // After a malformed message, no message can be read.
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn model_config(&self, request: Request<ModelConfigRequest>) -> RpcResult<ModelConfigResponse> {
        let ModelConfigRequest { name, version } = request.get_ref();
        let model = self.model(&request, name, version).await?;
        Ok(Response::new(ModelConfigResponse {
            config: Some(config::model_config(&model, self.state.limits().rows).into()),
        }))
    }

    async fn model_statistics(&self, request: Request<ModelStatisticsRequest>) -> RpcResult<ModelStatisticsResponse> {
        let ModelStatisticsRequest { name, version } = request.get_ref();
        let stats = if name.is_empty() {
            stats::all_statistics(&self.state, caller(&request)?)
        } else {
            vec![stats::model_statistics(&*self.model(&request, name, version).await?)?]
        };
        Ok(Response::new(ModelStatisticsResponse { model_stats: stats.into_iter().map(Into::into).collect() }))
    }

    async fn repository_index(&self, request: Request<RepositoryIndexRequest>) -> RpcResult<RepositoryIndexResponse> {
        let wanted = IndexRequest { ready: request.get_ref().ready };
        let models = repository::entries(&self.state, caller(&request)?, wanted).into_iter().map(Into::into).collect();
        Ok(Response::new(RepositoryIndexResponse { models }))
    }

    async fn repository_model_load(
        &self,
        request: Request<RepositoryModelLoadRequest>,
    ) -> RpcResult<RepositoryModelLoadResponse> {
        caller(&request)?;
        Err(Error::Route(RouteError::Repository).into())
    }

    async fn repository_model_unload(
        &self,
        request: Request<RepositoryModelUnloadRequest>,
    ) -> RpcResult<RepositoryModelUnloadResponse> {
        caller(&request)?;
        Err(Error::Route(RouteError::Repository).into())
    }
}

/// The calls of one stream.
struct InferStream {
    messages: Streaming<ModelInferRequest>,
    state: AppState,
    headers: http::HeaderMap,
}

impl InferStream {
    /// The answer to the next call; `None` at the end of the stream.
    async fn answer(&mut self) -> Result<Option<ModelStreamInferResponse>, Status> {
        let next = tokio::select! {
            next = tokio::time::timeout(STREAM_IDLE_TIMEOUT, self.messages.message()) => next,
            () = self.state.drained() => return Err(Error::Capacity(CapacityError::Draining).into()),
        };
        let late = |_| Status::deadline_exceeded(format!("no call came for {} s", STREAM_IDLE_TIMEOUT.as_secs()));
        let Some(call) = next.map_err(late)?? else { return Ok(None) };
        let (id, model_name) = (call.id.clone(), call.model_name.clone());
        let answer =
            match Caller::authenticate(&self.headers, &http::Extensions::new(), &self.state, RouteScope::Infer).await {
                Ok(caller) => infer::model_infer(&self.state, caller, &self.headers, call).await,
                Err(error) => return Err(error.into()),
            };
        Ok(Some(match answer {
            Ok((answer, _)) => ModelStreamInferResponse { infer_response: Some(answer), ..Default::default() },
            Err(error) => {
                tracing::info!(kind = error.slug(), cause = error.internal_text(), "call of a stream refused");
                let infer_response = Some(ModelInferResponse { id, model_name, ..ModelInferResponse::default() });
                ModelStreamInferResponse { error_message: error.to_string(), infer_response }
            }
        }))
    }
}

/// How long a stream may wait for a call.
const STREAM_IDLE_TIMEOUT: Duration = Duration::from_mins(5);

type RpcResult<T> = Result<Response<T>, Status>;

/// The caller of `request`, which the layer around the service authenticated.
fn caller<T>(request: &Request<T>) -> Result<&Caller, Error> {
    request.extensions().get().ok_or_else(|| Error::internal("a method was called without its layer"))
}

/// The version, unless it is empty.
fn non_empty(version: &str) -> Option<&str> {
    Some(version).filter(|version| !version.is_empty())
}

fn tensor_metadata(tensor: TensorMetadata) -> proto::model_metadata_response::TensorMetadata {
    let TensorMetadata { name, datatype, shape, .. } = tensor;
    proto::model_metadata_response::TensorMetadata { name, datatype: datatype.to_string(), shape }
}

impl From<triton::ModelConfig> for proto::ModelConfig {
    fn from(config: triton::ModelConfig) -> Self {
        let data_type = |name: &str| DataType::from_str_name(name).unwrap_or_default().into();
        let reshape = |reshape: triton::Reshape| proto::ModelTensorReshape { shape: reshape.shape };
        let input = |tensor: triton::TensorConfig| proto::ModelInput {
            data_type: data_type(&tensor.data_type),
            name: tensor.name,
            dims: tensor.dims,
            reshape: tensor.reshape.map(reshape),
            optional: tensor.optional,
        };
        let output = |tensor: triton::TensorConfig| proto::ModelOutput {
            data_type: data_type(&tensor.data_type),
            name: tensor.name,
            dims: tensor.dims,
            reshape: tensor.reshape.map(reshape),
        };
        Self {
            name: config.name,
            platform: config.platform,
            max_batch_size: i32::try_from(config.max_batch_size).unwrap_or(i32::MAX),
            input: config.input.into_iter().map(input).collect(),
            output: config.output.into_iter().map(output).collect(),
            dynamic_batching: config.dynamic_batching.map(|_| proto::ModelDynamicBatching {}),
            backend: config.backend,
        }
    }
}

impl From<triton::ModelStatistics> for proto::ModelStatistics {
    fn from(stats: triton::ModelStatistics) -> Self {
        let time = |time: triton::StatisticDuration| Some(proto::StatisticDuration { count: time.count, ns: time.ns });
        let calls = stats.inference_stats;
        Self {
            name: stats.name,
            version: stats.version,
            last_inference: stats.last_inference,
            inference_count: stats.inference_count,
            execution_count: stats.execution_count,
            inference_stats: Some(proto::InferStatistics {
                success: time(calls.success),
                fail: time(calls.fail),
                queue: time(calls.queue),
                compute_input: time(calls.compute_input),
                compute_infer: time(calls.compute_infer),
                compute_output: time(calls.compute_output),
            }),
        }
    }
}

impl From<triton::IndexEntry> for proto::repository_index_response::ModelIndex {
    fn from(entry: triton::IndexEntry) -> Self {
        let triton::IndexEntry { name, version, state, reason } = entry;
        Self { name, version: version.unwrap_or_default(), state, reason }
    }
}
