//! The numbers of a tensor: a vector, or a zero-copy view of bytes.
//!
//! A network reads its input in the buffer of the request, and an answer is sent from the buffer of the network. So numbers are
//! not copied on the way in or out, unless their bytes are misaligned for the type.
//!
//! Invariant: a view has whole numbers, is aligned for their type, and is in native byte order.

use std::fmt;
use std::ops::{Deref, Range};

use bytes::Bytes;
use half::{bf16, f16};

/// Numbers, row-major, which dereference to a slice.
///
/// ```
/// use amaas_wire::TensorBuffer;
/// use bytes::Bytes;
///
/// let values = TensorBuffer::<u16>::from_le_bytes(Bytes::from_static(&[1, 0, 0, 1])).expect("whole numbers");
/// assert_eq!(*values, [1, 256]);
/// assert_eq!(values, TensorBuffer::from(vec![1, 256]));
/// ```
pub struct TensorBuffer<T>(BufferStorage<T>);

enum BufferStorage<T> {
    Owned(Vec<T>),
    /// See the invariant above.
    Viewed(Bytes),
}

impl<T: TensorElement> TensorBuffer<T> {
    /// The little-endian numbers in `bytes`; `None` if the last one is incomplete.
    ///
    /// They are not copied if `bytes` is aligned for the type.
    pub fn from_le_bytes(bytes: Bytes) -> Option<Self> {
        if !bytes.len().is_multiple_of(size_of::<T>()) {
            return None;
        }
        let fits = cfg!(target_endian = "little") && bytemuck::try_cast_slice::<u8, T>(&bytes).is_ok();
        if fits && !bytes.is_empty() {
            return Some(Self(BufferStorage::Viewed(bytes)));
        }
        let numbers = bytes.chunks_exact(size_of::<T>()).map(|number| T::from_le(bytemuck::pod_read_unaligned(number)));
        Some(numbers.collect())
    }

    /// The numbers as little-endian bytes, without a copy.
    pub fn into_le_bytes(self) -> Bytes {
        match self.0 {
            BufferStorage::Viewed(bytes) => bytes,
            BufferStorage::Owned(values) if cfg!(target_endian = "little") => Bytes::from_owner(OwnedElements(values)),
            BufferStorage::Owned(values) => {
                let swapped: Vec<T> = values.into_iter().map(T::from_le).collect();
                Bytes::from_owner(OwnedElements(swapped))
            }
        }
    }

    /// The numbers.
    pub fn as_slice(&self) -> &[T] {
        match &self.0 {
            BufferStorage::Owned(values) => values,
            // The invariant excludes a failure.
            BufferStorage::Viewed(bytes) => bytemuck::cast_slice(bytes),
        }
    }

    /// The numbers as an owned vector; a view is copied.
    pub fn into_vec(self) -> Vec<T> {
        match self.0 {
            BufferStorage::Owned(values) => values,
            BufferStorage::Viewed(_) => self.as_slice().to_vec(),
        }
    }

    /// The numbers as a mutable vector; a view is copied once.
    pub fn to_mut(&mut self) -> &mut Vec<T> {
        if let BufferStorage::Viewed(_) = self.0 {
            self.0 = BufferStorage::Owned(self.as_slice().to_vec());
        }
        match &mut self.0 {
            BufferStorage::Owned(values) => values,
            BufferStorage::Viewed(_) => unreachable!("it became a vector in the line above"),
        }
    }

    /// A copy of the numbers of `range`, or all of them without a copy; `None` if the range goes beyond the end.
    ///
    /// A part is copied, because a view of it would keep the whole buffer in memory.
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        let part = self.get(range)?;
        Some(if part.len() == self.len() { self.clone() } else { part.to_vec().into() })
    }

    /// Makes room for `additional` more.
    pub fn reserve_exact(&mut self, additional: usize) {
        self.to_mut().reserve_exact(additional);
    }
}

/// A number that a tensor can have. Every bit pattern is a valid value.
pub trait TensorElement: bytemuck::Pod + fmt::Debug + PartialEq + Send + Sync + sealed::Sealed {
    /// Converts `number` from little-endian to native byte order.
    #[must_use]
    fn from_le(number: Self) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! integers {
    ($($type:ty),*) => {
        $(impl sealed::Sealed for $type {}
        impl TensorElement for $type {
            fn from_le(number: Self) -> Self {
                <$type>::from_le(number)
            }
        })*
    };
}

macro_rules! floats {
    ($($type:ty: $bits:ty),*) => {
        $(impl sealed::Sealed for $type {}
        impl TensorElement for $type {
            fn from_le(number: Self) -> Self {
                Self::from_bits(<$bits>::from_le(number.to_bits()))
            }
        })*
    };
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);
floats!(f16: u16, bf16: u16, f32: u32, f64: u64);

impl<T: TensorElement> Deref for TensorBuffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T> Default for TensorBuffer<T> {
    fn default() -> Self {
        Self(BufferStorage::Owned(Vec::new()))
    }
}

impl<T> From<Vec<T>> for TensorBuffer<T> {
    fn from(values: Vec<T>) -> Self {
        Self(BufferStorage::Owned(values))
    }
}

impl<T: TensorElement> From<TensorBuffer<T>> for Vec<T> {
    fn from(values: TensorBuffer<T>) -> Self {
        values.into_vec()
    }
}

impl<T> FromIterator<T> for TensorBuffer<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Vec::from_iter(values).into()
    }
}

impl<'a, T: TensorElement> IntoIterator for &'a TensorBuffer<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Clone> Clone for TensorBuffer<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            BufferStorage::Owned(values) => BufferStorage::Owned(values.clone()),
            BufferStorage::Viewed(bytes) => BufferStorage::Viewed(bytes.clone()),
        })
    }
}

impl<T: TensorElement> PartialEq for TensorBuffer<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: TensorElement> fmt::Debug for TensorBuffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// Owns the numbers behind a [`Bytes`].
struct OwnedElements<T>(Vec<T>);

impl<T: TensorElement> AsRef<[u8]> for OwnedElements<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` numbers as bytes, the first at an address that no number but a byte may have.
    fn askew(count: u8) -> Bytes {
        let whole = TensorBuffer::from((0..=u64::from(count)).collect::<Vec<_>>()).into_le_bytes();
        whole.slice(1..=usize::from(count) * 8)
    }

    #[test]
    fn what_fits_stays_where_it_is() {
        let vector = vec![1_u32, 2, 3];
        let address = vector.as_ptr().cast::<u8>();
        let bytes = TensorBuffer::from(vector).into_le_bytes();
        assert_eq!(bytes, [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0][..]);
        let values = TensorBuffer::<u32>::from_le_bytes(bytes).expect("whole numbers");
        assert_eq!(values.slice(0..3).map(|all| all.as_ptr().cast()), Some(address));
        let rest = values.slice(1..3).expect("there are three");
        assert_eq!((&*rest, rest.as_ptr().cast::<u8>() == address.wrapping_add(4)), (&[2, 3][..], false), "a copy");
        assert_eq!(values.clone().into_le_bytes().as_ptr(), address);
        assert_eq!(values.slice(2..4), None);
    }

    #[test]
    fn what_does_not_fit_is_copied() {
        let values = TensorBuffer::<u64>::from_le_bytes(askew(2)).expect("whole numbers");
        assert_eq!(*values, [1 << 56, 2 << 56]);
        assert_eq!(values.into_le_bytes(), askew(2));
        assert_eq!(TensorBuffer::<u64>::from_le_bytes(askew(2).slice(..15)), None);
        assert_eq!(TensorBuffer::<f32>::from_le_bytes(Bytes::new()), Some(TensorBuffer::default()));
    }

    #[test]
    fn a_view_is_changed_in_a_copy() {
        let bytes = TensorBuffer::from(vec![1_i16, 2]).into_le_bytes();
        let mut values = TensorBuffer::<i16>::from_le_bytes(bytes.clone()).expect("whole numbers");
        values.to_mut().push(3);
        assert_eq!((values.into_vec(), &bytes[..]), (vec![1, 2, 3], &[1, 0, 2, 0][..]));
    }
}
