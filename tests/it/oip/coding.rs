//! gzip and deflate, in both directions.

use std::io::{Read, Write};

use amaas_e2e::onnx;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use super::{OipServer, Response};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

fn rows(count: usize) -> Vec<u8> {
    let data = vec![1; 2 * count];
    let input = json!({"name": "x", "datatype": "FP32", "shape": [count, 2], "data": data});
    json!({"inputs": [input]}).to_string().into_bytes()
}

/// The answer's JSON, which must have the content coding `coding`.
fn expanded(answer: &Response, coding: &str) -> Value {
    assert_eq!((answer.status, answer.header("content-encoding")), (200, Some(coding)), "{answer:?}");
    assert_eq!(answer.header("vary"), Some("accept-encoding"));
    let mut text = String::new();
    match coding {
        "gzip" => GzDecoder::new(&*answer.body).read_to_string(&mut text),
        _ => ZlibDecoder::new(&*answer.body).read_to_string(&mut text),
    }
    .expect("compressed text");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn bodies_come_and_answers_go_compressed() {
    let served = OipServer::start("plus-one", onnx::plus_one()).await;
    for (coding, body) in [("gzip", gzip(&rows(1000))), ("deflate", deflate(&rows(1000)))] {
        let both = |request: reqwest::RequestBuilder| {
            request.header("content-encoding", coding).header("accept-encoding", format!("br, {coding}"))
        };
        let answer = served.infer(body, both).await;
        assert!(answer.body.len() < 500, "2,000 equal numbers take little: {}", answer.body.len());
        assert_eq!(expanded(&answer, coding)["outputs"][0]["data"], json!(vec![2.0; 2000]));
    }
    // Short answers and errors are not compressed: clients read errors before they look at the coding.
    let wanted = |request: reqwest::RequestBuilder| request.header("accept-encoding", "gzip");
    let short = served.infer(rows(1), wanted).await;
    assert_eq!((short.status, short.header("content-encoding")), (200, None));
    served.infer("{", wanted).await.refuses(400, "not JSON");
    let unasked = served.infer(rows(1000), |request| request).await;
    assert_eq!((unasked.status, unasked.header("content-encoding")), (200, None));
}

#[tokio::test]
async fn the_bound_for_bodies_is_one_for_what_they_become() {
    let served = OipServer::start("plus-one", onnx::plus_one()).await;
    let coded = async |coding: &'static str, body: Vec<u8>| {
        served.infer(body, |request| request.header("content-encoding", coding)).await
    };
    // 64 MiB of zeros, in as many bytes as the bound of a body.
    let bomb = vec![b' '; 64 << 20];
    for (coding, body) in [("gzip", gzip(&bomb)), ("deflate", deflate(&bomb))] {
        // 65,536 bytes of it are read at most.
        let body = body[..body.len().min(60_000)].to_vec();
        coded(coding, body).await.refuses(413, "larger than the limit of 65536 bytes");
    }
    let (mut fits, mut over) = (rows(100), rows(100));
    fits.resize(65_536, b' ');
    over.resize(65_537, b' ');
    assert_eq!(coded("gzip", gzip(&fits)).await.status, 200);
    coded("gzip", gzip(&over)).await.refuses(413, "larger than the limit of 65536 bytes");
    let whole = gzip(&fits);
    coded("gzip", whole[..whole.len() - 1].to_vec()).await.refuses(400, "the body is not whole gzip");
    coded("gzip", fits.clone()).await.refuses(400, "the body is not whole gzip");
    // A client without the header, or with another format by that name, gets an error that names the expected one.
    let bare = served.infer(gzip(&rows(10)), |request| request).await;
    bare.refuses(400, "it looks like gzip; the header \"content-encoding: gzip\" is missing");
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), Compression::best());
    raw.write_all(&rows(10)).expect("memory");
    let raw = coded("deflate", raw.finish().expect("memory")).await;
    raw.refuses(400, "the body is not whole deflate; expected the zlib format (RFC 1950)");
    let bytes = |request: reqwest::RequestBuilder| request.header("content-type", "application/octet-stream");
    let hint = "needs the header Inference-Header-Content-Length";
    served.infer([0, 0, 128, 63].repeat(2), bytes).await.refuses(400, hint);
    let unknown = coded("br", fits).await;
    unknown.refuses(415, "content coding \"br\" is not taken here; expected gzip, deflate or none");
    assert_eq!(unknown.header("accept-encoding"), Some("gzip, deflate"));
}
