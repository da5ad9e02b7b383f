//! One client in several runtimes, and in none.

use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use amaas::testing::TestServer;
use amaas::{CallOptions, Client, ErrorKind};
use tokio::runtime::{Builder, Runtime};

use crate::Result;

fn current_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

async fn call(client: &Client) -> std::result::Result<u8, amaas::Error> {
    let options = CallOptions::default().timeout(Duration::from_secs(5));
    Ok(client.model("m").with(options).predict::<u8>("x").await?.into_prediction())
}

/// Connections that a runtime made and no longer drives are not used by another one.
#[test]
fn one_client_works_in_several_runtimes() -> Result {
    let service = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let server = service.block_on(TestServer::start())?;
    let client = server.client()?;
    let (first, second, many) =
        (current_thread()?, current_thread()?, Builder::new_multi_thread().worker_threads(2).enable_all().build()?);
    for turn in 0..3 {
        for runtime in [&first, &second, &many] {
            server.predict("m", [turn]);
            assert_eq!(runtime.block_on(call(&client))?, turn);
        }
    }
    drop(first);
    // More of them than are kept.
    for turn in 0..12 {
        server.predict("m", [turn]);
        assert_eq!(current_thread()?.block_on(call(&client))?, turn);
    }
    server.predict("m", [7]);
    assert_eq!(second.block_on(call(&client))?, 7);
    Ok(())
}

static SERVICE: LazyLock<(Runtime, TestServer)> = LazyLock::new(|| {
    // The test that asks first is within a runtime of its own.
    let started = std::thread::spawn(|| {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let server = runtime.block_on(TestServer::start()).expect("a server");
        (runtime, server)
    });
    started.join().expect("it started")
});
static CLIENT: LazyLock<Client> = LazyLock::new(|| SERVICE.1.client().expect("a client"));

macro_rules! tests_with_a_static_client {
    ($($name:ident),*) => {
        $(#[tokio::test]
        async fn $name() -> Result {
            SERVICE.1.predict("m", [1]);
            assert_eq!(call(&CLIENT).await?, 1);
            Ok(())
        })*
    };
}

tests_with_a_static_client!(a_static_client_works, a_static_client_works_in_another_test, and_in_a_third);

#[test]
fn without_a_runtime_a_call_is_an_error() -> Result {
    let client = Client::builder().endpoint("http://127.0.0.1:1").anonymous().build()?;
    let model = client.model("m");
    let call = pin!(model.predict::<u8>("x"));
    let Poll::Ready(Err(error)) = call.poll(&mut Context::from_waker(Waker::noop())) else { panic!("it cannot wait") };
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Config, 0));
    assert!(error.to_string().starts_with("a call needs a tokio runtime"), "{error}");
    Ok(())
}
