//! An emulation of Lambda: the Runtime API that a function polls, and the Function URL that clients call.
//!
//! As on Lambda, one environment has one invocation at a time (it asks for the next one after its answer), and others wait; payloads
//! have Lambda's limits; a streamed answer is passed on while it arrives. It has no freezing and no scaling, and checks no IAM
//! signature: a test sets the signer.

mod answer;
mod event;
mod exchange;
mod function_url;
mod runtime_api;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::exchange::Exchange;
use crate::{Function, ProcessBuilder};

/// One function under Lambda. It ends when this is dropped.
pub struct Lambda {
    function: Function,
    apis: LambdaApis,
}

impl Lambda {
    /// Starts `launch` as Lambda does, and a Function URL for it.
    pub async fn start(launch: ProcessBuilder) -> Self {
        let apis = LambdaApis::start().await;
        let function = environment(launch.unset("PORT"), apis.runtime_api().to_string()).start();
        Self { function, apis }
    }

    /// The process.
    pub fn function(&self) -> &Function {
        &self.function
    }

    /// The process.
    pub fn function_mut(&mut self) -> &mut Function {
        &mut self.function
    }

    /// The Function URL.
    pub fn url(&self) -> String {
        self.apis.url()
    }

    /// Sets the principal `arn` that has signed later calls, as an `AWS_IAM` URL passes it on; `None`, the default, is no signer.
    pub fn signed_by(&self, arn: Option<&str>) {
        self.apis.exchange.signed_by(arn);
    }

    /// The address of the Runtime API.
    pub fn runtime_api(&self) -> SocketAddr {
        self.apis.runtime_api()
    }

    /// The highest number of concurrent invocations.
    pub fn most_at_once(&self) -> usize {
        self.apis.exchange.most_at_once()
    }

    /// The number of buffered answers, and of streamed ones.
    pub fn answers(&self) -> (usize, usize) {
        self.apis.exchange.answers()
    }

    /// The extensions that registered, by name.
    pub fn extensions(&self) -> Vec<String> {
        self.apis.exchange.extensions()
    }
}

/// Lambda's APIs for one function, which a test starts itself. They end when this is dropped.
pub struct LambdaApis {
    exchange: Arc<Exchange>,
    api: SocketAddr,
    url: SocketAddr,
    servers: [JoinHandle<()>; 2],
}

impl LambdaApis {
    /// A Runtime API, and a Function URL whose calls wait for the function.
    pub async fn start() -> Self {
        let exchange = Arc::new(Exchange::default());
        let (api, api_server) = serve(runtime_api::routes(Arc::clone(&exchange))).await;
        let (url, url_server) = serve(function_url::routes(Arc::clone(&exchange))).await;
        Self { exchange, api, url, servers: [api_server, url_server] }
    }

    /// The Function URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.url)
    }

    /// The address of the Runtime API.
    pub fn runtime_api(&self) -> SocketAddr {
        self.api
    }
}

impl Drop for LambdaApis {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

/// `launch` with the variables that Lambda sets; `api` is the Runtime API.
pub fn environment(launch: ProcessBuilder, api: String) -> ProcessBuilder {
    let name = launch.program().name();
    launch
        .set("AWS_LAMBDA_RUNTIME_API", api)
        .set("AWS_LAMBDA_FUNCTION_NAME", name)
        .set("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
        .set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .set("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))
        .set("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
        .set("_HANDLER", "bootstrap")
}

async fn serve(routes: Router) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let server =
        tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves until it is dropped") });
    (address, server)
}
