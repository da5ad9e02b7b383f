//! Tensors in memory.

use std::ops::Range;

use bytes::Bytes;

use super::{Datatype, Tensor, TensorData, TensorError};

#[test]
fn count_must_match_the_shape() {
    let error = Tensor::new("x", vec![2, 3], vec![0.0_f32; 5]).expect_err("5 is not 6");
    assert_eq!(error.to_string(), "tensor \"x\": shape [2, 3] needs 6 values, got 5");
}

#[test]
fn scalars_and_empty_tensors_are_tensors() {
    assert!(Tensor::new("x", vec![], vec![7_i64]).is_ok());
    assert!(Tensor::new("x", vec![0, 3], Vec::<i64>::new()).is_ok());
}

#[test]
fn products_that_overflow_are_refused() {
    let shape = vec![usize::MAX, 2];
    assert!(matches!(Tensor::new("x", shape, Vec::<i8>::new()), Err(TensorError::Overflow { .. })));
    let shape = vec![usize::MAX, 2, 0];
    assert!(matches!(Tensor::new("x", shape, Vec::<i8>::new()), Err(TensorError::Overflow { .. })));
    assert!(matches!(Tensor::new("x", vec![1; 17], vec![0_i8]), Err(TensorError::Rank { .. })));
}

#[test]
fn values_are_joined_and_cut_in_every_datatype() {
    for datatype in Datatype::ALL {
        let width = datatype.width().unwrap_or(5);
        let both = match datatype {
            Datatype::Bytes => vec![1, 0, 0, 0, b'a', 1, 0, 0, 0, b'b'],
            _ => [0, 1].iter().flat_map(|value| std::iter::repeat_n(*value, width)).collect(),
        };
        let read = |values: Range<usize>| {
            let bytes = Bytes::copy_from_slice(&both[values.start * width..values.end * width]);
            Tensor::from_bytes("x".to_owned(), datatype, vec![values.len()], bytes).expect("a tensor")
        };
        let mut data = TensorData::empty(datatype);
        assert!(data.extend_from(read(0..1).data()) && data.extend_from(read(1..2).data()));
        assert_eq!(&data, read(0..2).data());
        assert_eq!(data.slice(1..2).as_ref(), Some(read(1..2).data()));
        assert_eq!(read(0..2).data().slice(1..2).as_ref(), Some(read(1..2).data()));
        assert_eq!(data.slice(1..3), None);
        let other = if datatype == Datatype::Bool { Datatype::Int8 } else { Datatype::Bool };
        assert!(!data.extend_from(&TensorData::empty(other)));
    }
}

#[test]
fn sizes_are_those_in_memory() {
    assert_eq!(TensorData::Int64(vec![0; 3].into()).byte_size(), 24);
    assert_eq!(TensorData::Bytes(vec!["abc".to_owned(); 2]).byte_size(), 2 * size_of::<String>() + 6);
}

#[test]
fn what_is_not_finite_is_named() {
    let tensor = |values: Vec<f64>| Tensor::new("y", vec![2], values).expect("two values");
    assert_eq!(tensor(vec![0.0, 1.0]).check_finite(), Ok(()));
    let error = tensor(vec![0.0, f64::INFINITY]).check_finite().expect_err("infinite");
    assert!(error.to_string().starts_with("tensor \"y\": data[1] is not a finite number, which JSON cannot carry; "));
}

#[test]
fn names_and_datatypes_round_trip() {
    for datatype in Datatype::ALL {
        assert_eq!(Datatype::from_name(datatype.name()), Some(datatype));
        assert_eq!(TensorData::empty(datatype).datatype(), datatype);
        let json = serde_json::to_string(&datatype).expect("a datatype is a string");
        assert_eq!(json, format!("\"{datatype}\""));
    }
    assert_eq!(Datatype::from_name("fp32"), None);
}
