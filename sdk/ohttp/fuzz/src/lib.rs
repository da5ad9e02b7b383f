//! The bodies of the fuzz targets. Each takes any bytes, panics if an invariant is broken, and says whether the bytes
//! were accepted. Keys are fixed, so that a corpus stays what it is.

use std::convert::Infallible;

use amaas_ohttp::bhttp::{
    BhttpError, DecodeLimits, Decoder, DecoderEvent, MessageEncoding, MessageForm, Padding, Request, RequestHead,
    Response, ResponseHead,
};
use amaas_ohttp::key_list::KeyList;
use amaas_ohttp::rand_core::{TryCryptoRng, TryRng};
use amaas_ohttp::{KeyRing, OhttpError, PrivateKey, Suite, chunked, whole};

/// What is decoded is encoded and decoded again, and arrives the same byte by byte.
pub fn bhttp_request(bytes: &[u8]) -> bool {
    let decoded = Request::decode(bytes, LIMITS);
    let mut decoder = Decoder::<RequestHead>::new(LIMITS);
    let last = bytes.chunks(1).try_for_each(|byte| decoder.push(byte).map(drop)).and_then(|()| decoder.finish());
    same_end(&decoded, &last);
    let Ok(request) = decoded else { return false };
    for form in [MessageForm::KnownLength, MessageForm::IndeterminateLength] {
        let bytes = request.encode(MessageEncoding { form, padding: Padding::Bucket });
        assert_eq!(Request::decode(&bytes, ROOMY).as_ref(), Ok(&request));
    }
    true
}

/// As [`bhttp_request`].
pub fn bhttp_response(bytes: &[u8]) -> bool {
    let decoded = Response::decode(bytes, LIMITS);
    let mut decoder = Decoder::<ResponseHead>::new(LIMITS);
    let last = bytes.chunks(1).try_for_each(|byte| decoder.push(byte).map(drop)).and_then(|()| decoder.finish());
    same_end(&decoded, &last);
    let Ok(response) = decoded else { return false };
    for form in [MessageForm::KnownLength, MessageForm::IndeterminateLength] {
        let bytes = response.encode(MessageEncoding { form, padding: Padding::Bucket });
        assert_eq!(Response::decode(&bytes, ROOMY).as_ref(), Ok(&response));
    }
    true
}

fn same_end<M, H>(whole: &Result<M, BhttpError>, last: &Result<Vec<DecoderEvent<H>>, BhttpError>) {
    assert_eq!(whole.as_ref().err(), last.as_ref().err());
}

/// Either format is opened or refused; in chunks, byte by byte too, and nothing comes after an error.
pub fn ohttp_request(bytes: &[u8]) -> bool {
    let ring = KeyRing::new(Suite::ALL.map(key).to_vec()).expect("two ids");
    let mut machine = chunked::RequestOpener::new(&ring);
    let mut given = Vec::new();
    let mut failed = None;
    for byte in bytes.chunks(1) {
        match machine.push(byte) {
            Ok(plaintext) => {
                assert!(failed.is_none(), "something came after an error");
                given.extend(plaintext);
            }
            Err(error) => assert_eq!(*failed.get_or_insert(error), error),
        }
    }
    let opened = chunked::open_request(&ring, bytes);
    match machine.finish() {
        Ok(last) => {
            given.extend(last.request);
            assert_eq!(opened.as_ref().map(|opened| &opened.request), Ok(&given));
        }
        Err(error) => assert_eq!(opened.as_ref().err(), Some(&error)),
    }
    opened.is_ok() || whole::open_request(&ring, bytes).is_ok()
}

/// A response to a fixed request is opened or refused.
pub fn chunked_response(bytes: &[u8]) -> bool {
    let (mut machine, _) = exchange();
    let mut failed = None::<OhttpError>;
    for piece in bytes.chunks(7) {
        match machine.push(piece) {
            Ok(_) => assert!(failed.is_none(), "something came after an error"),
            Err(error) => assert_eq!(*failed.get_or_insert(error), error),
        }
    }
    let finished = machine.finish();
    let at_once = exchange().0.open(bytes);
    assert_eq!(finished.as_ref().err(), at_once.as_ref().err());
    at_once.is_ok()
}

/// What is decoded is encoded and decoded again.
pub fn key_list(bytes: &[u8]) -> bool {
    let Ok(list) = KeyList::decode(bytes) else { return false };
    assert_eq!(KeyList::decode(&list.encode()).as_ref(), Ok(&list));
    true
}

/// The fixed key of a suite.
pub fn key(suite: Suite) -> PrivateKey {
    match suite {
        Suite::XWing => PrivateKey::derive(1, suite, &[1; 32]),
        _ => PrivateKey::derive(2, suite, &[2; 32]),
    }
}

/// Both ends of the fixed request.
pub fn exchange() -> (chunked::ResponseOpener, chunked::PendingResponse) {
    let key = key(Suite::X25519);
    let sealed = chunked::seal_request_with(&key.public_key(), b"request", &mut Counting(0));
    let (sealed, opener) = sealed.expect("sealed");
    let ring = KeyRing::new(vec![key]).expect("one key");
    (opener, chunked::open_request(&ring, &sealed).expect("opened").response)
}

/// A generator that counts, which is as far from random as can be.
pub struct Counting(pub u8);

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}

/// Small, so that a fuzzer reaches them.
const LIMITS: DecodeLimits = DecodeLimits { head: 4 << 10, lines: 64, content: 4 << 10 };

/// For what was within [`LIMITS`] in another form, or with its names and lengths written otherwise.
const ROOMY: DecodeLimits = DecodeLimits { head: 16 << 10, lines: 64, content: 4 << 10 };
