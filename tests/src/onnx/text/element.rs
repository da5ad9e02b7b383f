//! Types of tensors by their names in the textual form.

/// A datatype: its name, its number in `TensorProto.DataType`, and the encoding of its values.
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) number: i64,
    /// The bytes of a value from its text; `None` for texts and for datatypes without values here.
    pub(super) bytes: Option<ToBytes>,
}

type ToBytes = fn(&str) -> Option<Vec<u8>>;

impl Element {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        ELEMENTS.iter().find(|element| element.name == name)
    }
}

macro_rules! bytes {
    ($type:ty) => {
        Some(|text| Some(text.parse::<$type>().ok()?.to_le_bytes().to_vec()))
    };
}

const ELEMENTS: [Element; 14] = [
    Element { name: "float16", number: 10, bytes: None },
    Element { name: "bfloat16", number: 16, bytes: None },
    Element { name: "float", number: 1, bytes: bytes!(f32) },
    Element { name: "double", number: 11, bytes: bytes!(f64) },
    Element { name: "int8", number: 3, bytes: bytes!(i8) },
    Element { name: "int16", number: 5, bytes: bytes!(i16) },
    Element { name: "int32", number: 6, bytes: bytes!(i32) },
    Element { name: "int64", number: 7, bytes: bytes!(i64) },
    Element { name: "uint8", number: 2, bytes: bytes!(u8) },
    Element { name: "uint16", number: 4, bytes: bytes!(u16) },
    Element { name: "uint32", number: 12, bytes: bytes!(u32) },
    Element { name: "uint64", number: 13, bytes: bytes!(u64) },
    Element { name: "bool", number: 9, bytes: Some(|text| Some(vec![u8::from(text == "1" || text == "true")])) },
    Element { name: "string", number: 8, bytes: None },
];
