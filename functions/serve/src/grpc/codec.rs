//! Messages out of bytes, with a bound on what a short message can become in memory.
//!
//! An empty tensor takes two bytes of a message and some 300 of memory, so the entries of a message are counted before it is decoded.

use std::marker::PhantomData;

use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstCodec, ProstEncoder};

/// tonic's codec for messages, with the bound.
pub(super) struct BoundedCodec<T, U>(ProstCodec<T, U>);

/// See [`BoundedCodec`].
pub(super) struct BoundedDecoder<U>(PhantomData<U>);

impl<T: Message + Send + 'static, U: Message + Default + Send + 'static> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(ProstCodec::default())
    }
}

impl<T: Message + Send + 'static, U: Message + Default + Send + 'static> Codec for BoundedCodec<T, U> {
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        self.0.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(PhantomData)
    }
}

impl<U: Message + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // Not a copy: the fields of bytes will be parts of it.
        let message = message.copy_to_bytes(message.remaining());
        if entries(message.clone()) > MOST {
            let text = format!("the message has more than {MOST} entries: tensors, outputs and parameters together");
            return Err(Status::resource_exhausted(text));
        }
        U::decode(message).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// How many fields a message has, up to where it cannot be read.
fn entries(mut message: Bytes) -> usize {
    let mut count = 0;
    while message.has_remaining() && count <= MOST {
        let Ok((tag, wire_type)) = decode_key(&mut message) else { break };
        if skip_field(wire_type, tag, &mut message, DecodeContext::default()).is_err() {
            break;
        }
        count += 1;
    }
    count
}

/// More than the tensors of any network in use.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_and_not_gone_into() {
        let (empty, nested) = ([0x2a, 0], [0x2a, 4, 0x0a, 0, 0x0a, 0]);
        assert_eq!(entries(Bytes::new()), 0);
        assert_eq!(entries([empty.to_vec(), nested.to_vec()].concat().into()), 2);
        assert_eq!(entries(vec![0x2a, 9, 0].into()), 0, "it breaks off");
        assert_eq!(entries(empty.repeat(1 << 20).into()), MOST + 1, "and no further");
    }
}
