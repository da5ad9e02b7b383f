//! gRPC health checks, `grpc.health.v1`, for probes of Kubernetes, load balancers, and clients that balance by themselves.
//!
//! `""` and the names of services mean the host; any other name means a model. Like the health routes of `/v2`, these need no key. So
//! watches are bounded: above [`MAX_WATCHES`] the oldest ends, and a connection with watches only is closed first
//! ([`IdleStream`](crate::reply::IdleStream)).

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::sync::oneshot;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::router::health;
use crate::state::AppState;

/// The health service of a host.
#[derive(Clone)]
pub(super) struct HealthService {
    state: AppState,
    watches: Arc<OpenWatches>,
}

impl HealthService {
    pub(super) fn new(state: AppState) -> Self {
        Self { state, watches: Arc::default() }
    }

    /// The current status of the host or of the model called `name`.
    fn status(&self, name: &str) -> ServingStatus {
        let ready = match name {
            "" => health::host_readiness(&self.state).ready,
            service if SERVICES.contains(&service) => health::host_readiness(&self.state).ready,
            model => match health::model_readiness(&self.state, model, None) {
                Ok(model) => model.ready && !self.state.is_draining(),
                Err(_) => return ServingStatus::ServiceUnknown,
            },
        };
        if ready { ServingStatus::Serving } else { ServingStatus::NotServing }
    }
}

#[tonic::async_trait]
impl Health for HealthService {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        match self.status(&request.into_inner().service) {
            ServingStatus::ServiceUnknown => Err(Status::not_found("there is no service and no model of that name")),
            status => Ok(Response::new(HealthCheckResponse { status: status.into() })),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let watch = HealthWatch {
            checks: self.clone(),
            name: request.into_inner().service,
            last_sent: None,
            evicted: self.watches.begin(),
            is_over: false,
        };
        let changes = stream::unfold(watch, async |mut watch| Some((watch.next().await?, watch)));
        Ok(Response::new(Box::pin(changes)))
    }
}

/// A client that watches for changes.
struct HealthWatch {
    checks: HealthService,
    name: String,
    last_sent: Option<ServingStatus>,
    evicted: oneshot::Receiver<()>,
    is_over: bool,
}

impl HealthWatch {
    /// The next change; `None` once the watch is over.
    async fn next(&mut self) -> Option<Result<HealthCheckResponse, Status>> {
        if self.is_over {
            return None;
        }
        loop {
            let status = self.checks.status(&self.name);
            if self.last_sent.replace(status) != Some(status) {
                return Some(Ok(HealthCheckResponse { status: status.into() }));
            }
            // The client has received the status `NotServing` by now.
            if self.checks.state.is_draining() {
                self.is_over = true;
                return Some(Err(Status::unavailable("the function is stopping")));
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = self.checks.state.drained() => {}
                _ = &mut self.evicted => {
                    self.is_over = true;
                    return Some(Err(Status::unavailable("another watch took the place of this one")));
                }
            }
        }
    }
}

/// The open watches, the oldest first.
#[derive(Default)]
struct OpenWatches(Mutex<VecDeque<oneshot::Sender<()>>>);

impl OpenWatches {
    /// Begins a watch, and ends the oldest if there are too many. The receiver completes when this watch is ended.
    fn begin(&self) -> oneshot::Receiver<()> {
        let (evict, evicted) = oneshot::channel();
        let mut watches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watch| !watch.is_closed());
        if watches.len() >= MAX_WATCHES {
            watches.pop_front();
        }
        watches.push_back(evict);
        evicted
    }
}

/// The services on the port; their health is that of the host.
const SERVICES: [&str; 4] = [
    "inference.GRPCInferenceService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];
/// How often a watch polls the status.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The most open watches.
const MAX_WATCHES: usize = 256;

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};
    use tonic::Code;

    use super::*;
    use crate::limits::Limits;
    use amaas_access::Accounts;
    use amaas_model::load::ModelSlot;

    fn checks(models: &[&str]) -> HealthService {
        let state = AppState::builder(Accounts::in_memory().expect("randomness"), Limits::default()).build();
        for model in models {
            state.insert(Arc::new(ModelSlot::new(
                model.parse().expect("a valid name"),
                "1".parse().expect("a version"),
            )));
        }
        HealthService::new(state)
    }

    fn of(name: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest { service: name.to_owned() })
    }

    #[tokio::test]
    async fn checks_are_of_the_host_or_of_a_model() {
        for (models, name, expected) in [
            (&[][..], "", Ok(ServingStatus::Serving)),
            (&[], "inference.GRPCInferenceService", Ok(ServingStatus::Serving)),
            (&[], "m", Err(Code::NotFound)),
            (&["m"], "", Ok(ServingStatus::NotServing)),
            (&["m"], "m", Ok(ServingStatus::NotServing)),
            (&["m"], "grpc.health.v1.Health", Ok(ServingStatus::NotServing)),
            (&["m"], "../m", Err(Code::NotFound)),
        ] {
            let got = checks(models).check(of(name)).await.map(|answer| answer.into_inner().status());
            assert_eq!(got.map_err(|status| status.code()), expected, "{name:?} of {models:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_tells_of_changes_until_the_function_stops() {
        let checks = checks(&[]);
        let mut statuses = checks.watch(of("")).await.expect("a stream").into_inner();
        let mut model = checks.watch(of("m")).await.expect("a stream").into_inner();
        let next = async |watch: &mut <HealthService as Health>::WatchStream| {
            watch.next().await.expect("not over").map(|change| change.status()).map_err(|status| status.code())
        };
        assert_eq!(next(&mut statuses).await, Ok(ServingStatus::Serving));
        assert_eq!(next(&mut model).await, Ok(ServingStatus::ServiceUnknown));
        checks
            .state
            .insert(Arc::new(ModelSlot::new("m".parse().expect("a valid name"), "1".parse().expect("a version"))));
        assert_eq!(next(&mut statuses).await, Ok(ServingStatus::NotServing), "a model is loading");
        assert_eq!(next(&mut model).await, Ok(ServingStatus::NotServing));
        checks.state.drain();
        assert_eq!(next(&mut statuses).await, Err(Code::Unavailable));
        assert!(statuses.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_watch_makes_room() {
        let checks = checks(&[]);
        let mut oldest = checks.watch(of("")).await.expect("a stream").into_inner();
        assert!(oldest.next().await.is_some_and(|change| change.is_ok()));
        drop(checks.watch(of("")).await.expect("a closed watch does not count"));
        let mut others = Vec::new();
        for more in 1..=MAX_WATCHES {
            assert!(oldest.next().now_or_never().is_none(), "{more}");
            others.push(checks.watch(of("")).await.expect("a stream"));
        }
        let ended = oldest.next().await.expect("a status").expect_err("it ends");
        assert_eq!(ended.code(), Code::Unavailable);
    }
}
