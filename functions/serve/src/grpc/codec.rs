//! Decodes messages, with a bound on their size in memory.
//!
//! An empty tensor takes two bytes in a message and about 300 in memory, so the entries of a message are counted before it is decoded.

use std::marker::PhantomData;

use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstCodec, ProstEncoder};

/// tonic's codec for messages, with a bound on their entries.
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
        // This is no copy: fields of bytes become slices of it.
        let message = message.copy_to_bytes(message.remaining());
        if count_entries(message.clone()) > MAX_ENTRIES {
            let text =
                format!("the message has more than {MAX_ENTRIES} entries: tensors, outputs and parameters together");
            return Err(Status::resource_exhausted(text));
        }
        U::decode(message).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// The number of fields of a message, up to the first malformed one.
fn count_entries(mut message: Bytes) -> usize {
    let mut count = 0;
    while message.has_remaining() && count <= MAX_ENTRIES {
        let Ok((tag, wire_type)) = decode_key(&mut message) else { break };
        if skip_field(wire_type, tag, &mut message, DecodeContext::default()).is_err() {
            break;
        }
        count += 1;
    }
    count
}

/// The most entries of a message: more than any network in use has tensors.
const MAX_ENTRIES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_counted_and_not_gone_into() {
        let (empty, nested) = ([0x2a, 0], [0x2a, 4, 0x0a, 0, 0x0a, 0]);
        assert_eq!(count_entries(Bytes::new()), 0);
        assert_eq!(count_entries([empty.to_vec(), nested.to_vec()].concat().into()), 2);
        assert_eq!(count_entries(vec![0x2a, 9, 0].into()), 0, "the message is cut off");
        assert_eq!(count_entries(empty.repeat(1 << 20).into()), MAX_ENTRIES + 1, "counting stops above the limit");
    }
}
