//! The outside of Lambda: the Runtime API that a function polls, and the Function URL that callers see.
//!
//! What is as on Lambda: one environment takes one invocation at a time (it asks for the next one when it has answered),
//! and the rest waits; payloads have Lambda's limits; a streamed answer reaches the caller as it comes.
//! What is left out on purpose: freezing, scaling, and that IAM looks at signatures: a test says who signed.

mod answer;
mod event;
mod exchange;
mod front;
mod runtime_api;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::exchange::Exchange;
use crate::{Function, Launch};

/// One function under Lambda. It ends when this is dropped.
pub struct Lambda {
    function: Function,
    outside: Outside,
}

impl Lambda {
    /// Starts `launch` as Lambda does, and a Function URL for it.
    pub async fn start(launch: Launch) -> Self {
        let outside = Outside::start().await;
        let function = environment(launch.unset("PORT"), outside.runtime_api().to_string()).start();
        Self { function, outside }
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
        self.outside.url()
    }

    /// From now on calls come as an `AWS_IAM` URL hands them on, signed by the principal `arn`; by nobody, as at first, where it is `None`.
    pub fn signed_by(&self, arn: Option<&str>) {
        self.outside.exchange.signed_by(arn);
    }

    /// The address of the Runtime API.
    pub fn runtime_api(&self) -> SocketAddr {
        self.outside.runtime_api()
    }

    /// The most invocations that were under way at once.
    pub fn most_at_once(&self) -> usize {
        self.outside.exchange.most_at_once()
    }

    /// How many answers came in one piece, and how many as a stream.
    pub fn answers(&self) -> (usize, usize) {
        self.outside.exchange.answers()
    }

    /// The extensions that registered, by name.
    pub fn extensions(&self) -> Vec<String> {
        self.outside.exchange.extensions()
    }
}

/// What stands around one function, whoever starts it. It ends when this is dropped.
pub struct Outside {
    exchange: Arc<Exchange>,
    api: SocketAddr,
    url: SocketAddr,
    servers: [JoinHandle<()>; 2],
}

impl Outside {
    /// A Runtime API, and a Function URL whose calls wait for the function that asks there.
    pub async fn start() -> Self {
        let exchange = Arc::new(Exchange::default());
        let (api, api_server) = serve(runtime_api::routes(Arc::clone(&exchange))).await;
        let (url, url_server) = serve(front::routes(Arc::clone(&exchange))).await;
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

impl Drop for Outside {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

/// `launch` with the variables that Lambda sets; `api` is the Runtime API.
pub fn environment(launch: Launch, api: String) -> Launch {
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
