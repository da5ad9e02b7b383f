//! The SDK calls a gateway of others: the crates `ohttp` and `bhttp` behind hyper.

use std::convert::Infallible;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use amaas::{Client, Sealing, Suite};
use bhttp::{Message, Mode, StatusCode};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use ohttp::hpke::{Aead, Kdf, Kem};
use ohttp::{KeyConfig, Server, SymmetricSuite};

use crate::Result;

/// What the gateway found inside: method, path, authorization and content.
type Found = Arc<Mutex<Vec<[String; 4]>>>;

struct Gateway {
    list: Vec<u8>,
    server: Server,
    found: Found,
}

impl Gateway {
    fn new(found: Found) -> std::result::Result<Self, ohttp::Error> {
        let suites = vec![SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm)];
        let config = KeyConfig::new(9, Kem::X25519Sha256, suites)?;
        Ok(Self { list: KeyConfig::encode_list(&[&config])?, server: Server::new(config)?, found })
    }

    async fn answer(&self, request: Request<Incoming>) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        if head.uri.path().ends_with("/keys") {
            return Ok(response("application/ohttp-keys", self.list.clone()));
        }
        assert_eq!(
            (head.method.as_str(), &head.headers["content-type"]),
            ("POST", &"message/ohttp-chunked-req".parse().expect("a value"))
        );
        assert!(!head.headers.contains_key("authorization"));

        let mut stream = self.server.clone().decapsulate_stream(&body[..]);
        let mut message = Vec::new();
        stream.read_to_end(&mut message).await.expect("opened");
        let message = Message::read_bhttp(&mut Cursor::new(&message)).expect("a message");
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let control = message.control();
        let found = [
            text(control.method()),
            text(control.path()),
            text(message.header().get(b"authorization")),
            text(Some(message.content())),
        ];
        self.found.lock().expect("no panic").push(found);

        let mut answer = Message::response(StatusCode::OK);
        answer.put_header("content-type", "application/json");
        answer.write_content(ANSWER);
        let mut encoded = Vec::new();
        answer.write_bhttp(Mode::IndeterminateLength, &mut encoded).expect("encoded");
        let mut sealed = Vec::new();
        let mut writer = stream.response(&mut sealed).expect("a response");
        for piece in encoded.chunks(20) {
            writer.write_all(piece).await.expect("sealed");
        }
        writer.close().await.expect("sealed");
        drop(writer);
        Ok(response("message/ohttp-chunked-res", sealed))
    }
}

fn response(media_type: &str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let response = Response::builder().header("content-type", media_type);
    response.body(Full::new(body.into())).expect("a response")
}

#[tokio::test]
async fn a_gateway_of_others_is_called() -> Result {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let found = Found::default();
    let gateway = Arc::new(Gateway::new(Arc::clone(&found))?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move {
                let service = service_fn(|request| gateway.answer(request));
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    let builder = || Client::builder().endpoint(url.as_str()).bearer("token").sealing(Sealing::Required);
    let model = builder().build()?.model("m").version("3");
    let answer = model.predict::<u8>("question").await?;
    assert_eq!((answer.into_prediction(), model.metadata().await.is_err()), (7, true));
    assert_eq!(
        *found.lock().expect("no panic"),
        [
            ["POST", "/v1/models/m/predict?version=3", "Bearer token", r#"{"inputs":["question"]}"#],
            ["GET", "/v2/models/m/versions/3", "Bearer token", ""],
        ]
    );

    let error = builder().suite(Suite::XWing).build()?.model("m").ready().await.expect_err("not offered");
    assert_eq!(error.kind(), amaas::ErrorKind::Keys);
    Ok(())
}

const ANSWER: &[u8] = br#"{"predictions":[7],"model":"m","version":"3","usage":{"rows":1,"billed_ms":1}}"#;
