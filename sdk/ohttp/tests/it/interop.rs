//! The crate `ohttp` as caller of our function and as function of our caller, with X25519, whole and in chunks.

use ::ohttp::hpke::{Aead, Kdf, Kem};
use ::ohttp::{ClientRequest, KeyConfig, Server, SymmetricSuite};
use amaas_ohttp::key_list::KeyList;
use amaas_ohttp::{KeyRing, PrivateKey, Suite, chunked, whole};
use futures_util::{AsyncReadExt, AsyncWriteExt, FutureExt};

/// Long enough for several chunks.
const QUESTION: &[u8] = &[b'q'; 40_000];
const ANSWER: &[u8] = &[b'a'; 50_000];

fn our_function() -> (KeyRing, Vec<u8>) {
    let ring = KeyRing::new(vec![PrivateKey::generate(3, Suite::X25519).expect("random")]).expect("one key");
    let list = KeyList::new(ring.public_keys()).expect("one key").encode();
    (ring, list)
}

fn their_function() -> (Server, KeyList) {
    // With a second pair of algorithms, as gateways offer; ours passes over it.
    let pairs = vec![
        SymmetricSuite::new(Kdf::HkdfSha256, Aead::ChaCha20Poly1305),
        SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm),
    ];
    let configuration = KeyConfig::new(4, Kem::X25519Sha256, pairs).expect("a key");
    let list = KeyConfig::encode_list(&[&configuration]).expect("a list");
    (Server::new(configuration).expect("a server"), KeyList::decode(&list).expect("a list"))
}

#[test]
fn their_caller_our_function_whole() {
    let (ring, list) = our_function();
    let caller = ClientRequest::from_encoded_config_list(&list).expect("our list");
    let (sealed, caller) = caller.encapsulate(QUESTION).expect("sealed");
    let opened = whole::open_request(&ring, &sealed).expect("opened");
    assert_eq!((opened.request.as_slice(), opened.key_id), (QUESTION, 3));
    let sealed = opened.response.seal(ANSWER).expect("sealed");
    assert_eq!(caller.decapsulate(&sealed).expect("opened"), ANSWER);
}

#[test]
fn our_caller_their_function_whole() {
    let (function, list) = their_function();
    let (sealed, opener) = whole::seal_request(list.preferred(), QUESTION).expect("sealed");
    let (request, function) = function.decapsulate(&sealed).expect("opened");
    assert_eq!(request, QUESTION);
    let sealed = function.encapsulate(ANSWER).expect("sealed");
    assert_eq!(opener.open(&sealed).expect("opened"), ANSWER);
}

#[test]
fn their_caller_our_function_in_chunks() {
    let (ring, list) = our_function();
    let mut sealed = Vec::new();
    let caller = ClientRequest::from_encoded_config_list(&list).expect("our list");
    let mut caller = caller.encapsulate_stream(&mut sealed).expect("a stream");
    now(caller.write_all(QUESTION));
    now(caller.close());
    let mut answer = Vec::new();
    // Their caller holds on to where it wrote, so its opener is made before what it wrote is looked at.
    let sealed_answer = SharedBytes::default();
    let mut opener = caller.response(sealed_answer.clone()).expect("a stream");
    drop(caller);
    let opened = chunked::open_request(&ring, &sealed).expect("opened");
    assert_eq!(opened.request, QUESTION);
    let mut wire = Vec::new();
    let mut sealer = opened.response.start(&mut wire).expect("a nonce");
    sealer.push(&ANSWER[..1], &mut wire).expect("sealed");
    sealer.finish(&ANSWER[1..], &mut wire).expect("sealed");
    sealed_answer.fill(wire);
    now(opener.read_to_end(&mut answer));
    assert_eq!(answer, ANSWER);
}

#[test]
fn our_caller_their_function_in_chunks() {
    let (function, list) = their_function();
    let (sealed, opener) = chunked::seal_request(list.preferred(), QUESTION).expect("sealed");
    let mut function = function.decapsulate_stream(&sealed[..]);
    let mut request = Vec::new();
    now(function.read_to_end(&mut request));
    assert_eq!(request, QUESTION);
    let mut sealed = Vec::new();
    let mut response = function.response(&mut sealed).expect("a stream");
    now(response.write_all(ANSWER));
    now(response.close());
    drop(response);
    assert_eq!(opener.open(&sealed).expect("opened"), ANSWER);
}

/// What a future gives that only ever touches memory.
fn now<T>(future: impl Future<Output = std::io::Result<T>>) -> T {
    future.now_or_never().expect("memory does not block").expect("no error")
}

/// Bytes that are put in place after a reader of them has been made.
#[derive(Clone, Default)]
struct SharedBytes(std::sync::Arc<std::sync::Mutex<std::collections::VecDeque<u8>>>);

impl SharedBytes {
    fn fill(&self, bytes: Vec<u8>) {
        *self.0.lock().expect("one thread") = bytes.into();
    }
}

impl futures_util::AsyncRead for SharedBytes {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        into: &mut [u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::task::Poll::Ready(std::io::Read::read(&mut *self.0.lock().expect("one thread"), into))
    }
}
