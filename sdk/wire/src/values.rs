//! The numbers of a tensor: a vector, or a view of bytes that lie somewhere already.
//!
//! A network reads what a caller sent where the request's buffer has it, and an answer is sent from where the network left it,
//! so numbers are not copied on the way in or out unless their bytes begin at an address that the type does not allow.
//!
//! Invariant: a view has whole numbers, at an address that their type allows, in this machine's order of bytes.

use std::fmt;
use std::ops::{Deref, Range};

use bytes::Bytes;
use half::{bf16, f16};

/// Numbers, row-major; a slice to whoever reads them.
///
/// ```
/// use amaas_wire::Values;
/// use bytes::Bytes;
///
/// let values = Values::<u16>::from_le_bytes(Bytes::from_static(&[1, 0, 0, 1])).expect("whole numbers");
/// assert_eq!(*values, [1, 256]);
/// assert_eq!(values, Values::from(vec![1, 256]));
/// ```
pub struct Values<T>(Storage<T>);

enum Storage<T> {
    Owned(Vec<T>),
    /// See the invariant above.
    Viewed(Bytes),
}

impl<T: Number> Values<T> {
    /// The numbers in `bytes`, little-endian, with nothing between them; `None` where the last one is not whole.
    ///
    /// They stay where they are, if that is at an address that the type allows.
    pub fn from_le_bytes(bytes: Bytes) -> Option<Self> {
        if !bytes.len().is_multiple_of(size_of::<T>()) {
            return None;
        }
        let fits = cfg!(target_endian = "little") && bytemuck::try_cast_slice::<u8, T>(&bytes).is_ok();
        if fits && !bytes.is_empty() {
            return Some(Self(Storage::Viewed(bytes)));
        }
        let numbers = bytes.chunks_exact(size_of::<T>()).map(|number| T::from_le(bytemuck::pod_read_unaligned(number)));
        Some(numbers.collect())
    }

    /// The numbers as bytes, little-endian, with nothing between them; where this is the only copy, not another one.
    pub fn into_le_bytes(self) -> Bytes {
        match self.0 {
            Storage::Viewed(bytes) => bytes,
            Storage::Owned(values) if cfg!(target_endian = "little") => Bytes::from_owner(AsBytes(values)),
            Storage::Owned(values) => {
                let swapped: Vec<T> = values.into_iter().map(T::from_le).collect();
                Bytes::from_owner(AsBytes(swapped))
            }
        }
    }

    /// The numbers.
    pub fn as_slice(&self) -> &[T] {
        match &self.0 {
            Storage::Owned(values) => values,
            // By the invariant there is nothing that could fail.
            Storage::Viewed(bytes) => bytemuck::cast_slice(bytes),
        }
    }

    /// The numbers as a vector of their own; a copy where they are a view.
    pub fn into_vec(self) -> Vec<T> {
        match self.0 {
            Storage::Owned(values) => values,
            Storage::Viewed(_) => self.as_slice().to_vec(),
        }
    }

    /// The numbers as a vector that can be changed; a copy, once, where they are a view.
    pub fn to_mut(&mut self) -> &mut Vec<T> {
        if let Storage::Viewed(_) = self.0 {
            self.0 = Storage::Owned(self.as_slice().to_vec());
        }
        match &mut self.0 {
            Storage::Owned(values) => values,
            Storage::Viewed(_) => unreachable!("it was made a vector in the line above"),
        }
    }

    /// A copy of the numbers of `range`, or all of them as they are; `None` where the range goes beyond the end.
    ///
    /// A view of a part would keep the whole in memory, for as long as whoever has the part takes.
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        let part = self.get(range)?;
        Some(if part.len() == self.len() { self.clone() } else { part.to_vec().into() })
    }

    /// Makes room for `additional` more.
    pub fn reserve_exact(&mut self, additional: usize) {
        self.to_mut().reserve_exact(additional);
    }
}

/// A number that a tensor can have, which is all of its bytes.
pub trait Number: bytemuck::Pod + fmt::Debug + PartialEq + Send + Sync + sealed::Sealed {
    /// `number`, which was read as if its bytes were in this machine's order and are little-endian.
    #[must_use]
    fn from_le(number: Self) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! integers {
    ($($type:ty),*) => {
        $(impl sealed::Sealed for $type {}
        impl Number for $type {
            fn from_le(number: Self) -> Self {
                <$type>::from_le(number)
            }
        })*
    };
}

macro_rules! floats {
    ($($type:ty: $bits:ty),*) => {
        $(impl sealed::Sealed for $type {}
        impl Number for $type {
            fn from_le(number: Self) -> Self {
                Self::from_bits(<$bits>::from_le(number.to_bits()))
            }
        })*
    };
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);
floats!(f16: u16, bf16: u16, f32: u32, f64: u64);

impl<T: Number> Deref for Values<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self(Storage::Owned(Vec::new()))
    }
}

impl<T> From<Vec<T>> for Values<T> {
    fn from(values: Vec<T>) -> Self {
        Self(Storage::Owned(values))
    }
}

impl<T: Number> From<Values<T>> for Vec<T> {
    fn from(values: Values<T>) -> Self {
        values.into_vec()
    }
}

impl<T> FromIterator<T> for Values<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Vec::from_iter(values).into()
    }
}

impl<'a, T: Number> IntoIterator for &'a Values<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Clone> Clone for Values<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Storage::Owned(values) => Storage::Owned(values.clone()),
            Storage::Viewed(bytes) => Storage::Viewed(bytes.clone()),
        })
    }
}

impl<T: Number> PartialEq for Values<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Number> fmt::Debug for Values<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// Owns numbers whose bytes are lent.
struct AsBytes<T>(Vec<T>);

impl<T: Number> AsRef<[u8]> for AsBytes<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` numbers as bytes, the first at an address that no number but a byte may have.
    fn askew(count: u8) -> Bytes {
        let whole = Values::from((0..=u64::from(count)).collect::<Vec<_>>()).into_le_bytes();
        whole.slice(1..=usize::from(count) * 8)
    }

    #[test]
    fn what_fits_stays_where_it_is() {
        let vector = vec![1_u32, 2, 3];
        let address = vector.as_ptr().cast::<u8>();
        let bytes = Values::from(vector).into_le_bytes();
        assert_eq!(bytes, [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0][..]);
        let values = Values::<u32>::from_le_bytes(bytes).expect("whole numbers");
        assert_eq!(values.slice(0..3).map(|all| all.as_ptr().cast()), Some(address));
        let rest = values.slice(1..3).expect("there are three");
        assert_eq!((&*rest, rest.as_ptr().cast::<u8>() == address.wrapping_add(4)), (&[2, 3][..], false), "a copy");
        assert_eq!(values.clone().into_le_bytes().as_ptr(), address);
        assert_eq!(values.slice(2..4), None);
    }

    #[test]
    fn what_does_not_fit_is_copied() {
        let values = Values::<u64>::from_le_bytes(askew(2)).expect("whole numbers");
        assert_eq!(*values, [1 << 56, 2 << 56]);
        assert_eq!(values.into_le_bytes(), askew(2));
        assert_eq!(Values::<u64>::from_le_bytes(askew(2).slice(..15)), None);
        assert_eq!(Values::<f32>::from_le_bytes(Bytes::new()), Some(Values::default()));
    }

    #[test]
    fn a_view_is_changed_in_a_copy() {
        let bytes = Values::from(vec![1_i16, 2]).into_le_bytes();
        let mut values = Values::<i16>::from_le_bytes(bytes.clone()).expect("whole numbers");
        values.to_mut().push(3);
        assert_eq!((values.into_vec(), &bytes[..]), (vec![1, 2, 3], &[1, 0, 2, 0][..]));
    }
}
