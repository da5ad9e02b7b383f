//! Files written with the same messages that read them; real ones are in `tests/it/any_onnx`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use super::proto::{Attribute, Entry, Function, Graph, Inline, Model, Node, SparseTensor, Tensor, Type, ValueInfo};
use super::{NetworkFiles, OnnxError, check};

const FLOAT: i32 = 1;
const STRING: i32 = 8;
const INT4: i32 = 22;

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn entries(entries: &[(&str, &str)]) -> Vec<Entry> {
    entries.iter().map(|(key, value)| Entry { key: Some(bytes(key)), value: Some(bytes(value)) }).collect()
}

/// The tensor `w` of two numbers, at the location that `entries` give.
fn tensor(entries_: &[(&str, &str)]) -> Tensor {
    let external_data = entries(entries_);
    Tensor { dims: vec![2], data_type: Some(FLOAT), name: Some(bytes("w")), external_data, data_location: vec![1] }
}

fn plain(file: &str) -> Bytes {
    tensor(&[("location", file), ("offset", "4"), ("length", "8")]).encode_to_vec().into()
}

fn file(graph: Graph, functions: Vec<Function>) -> Bytes {
    let output = ValueInfo { name: Some(bytes("y")), r#type: None }.encode_to_vec().into();
    let graph = Graph { output: vec![output], ..graph };
    Model { ir_version: Some(9), graph: Some(graph), functions, ..Model::default() }.encode_to_vec().into()
}

fn with(tensor: &Tensor) -> Bytes {
    file(Graph { initializer: vec![tensor.encode_to_vec().into()], ..Graph::default() }, Vec::new())
}

/// A file with a tensor in every place that has one, each in the file `nested`, but for one in `main`.
fn everywhere() -> Bytes {
    let sparse =
        || SparseTensor { values: vec![plain("nested")], indices: vec![plain("nested")], ..SparseTensor::default() };
    let inner = Graph { initializer: vec![plain("nested")], sparse_initializer: vec![sparse()], ..Graph::default() };
    let of = |attribute| Node { attribute: vec![attribute], ..Node::default() };
    let attribute = Attribute {
        t: vec![plain("nested")],
        tensors: vec![plain("nested"); 2],
        sparse_tensor: Some(sparse()),
        sparse_tensors: vec![sparse()],
        g: Some(Box::new(inner.clone())),
        graphs: vec![Graph {
            node: vec![of(Attribute { g: Some(Box::new(inner)), ..Attribute::default() })],
            ..Graph::default()
        }],
        ..Attribute::default()
    };
    let function =
        Function { node: vec![of(attribute.clone())], attribute_proto: vec![attribute.clone()], ..Function::default() };
    let graph = Graph {
        initializer: vec![plain("main")],
        sparse_initializer: vec![sparse()],
        node: vec![of(attribute)],
        ..Graph::default()
    };
    file(graph, vec![function])
}

fn gather(file: Bytes) -> Result<NetworkFiles, OnnxError> {
    NetworkFiles::gather(file, |_| Ok((0..20).collect::<Vec<u8>>().into()))
}

fn checked(tensor: &Tensor) -> Result<(), String> {
    let external = BTreeMap::from([("w.bin".to_owned(), Arc::from([0; 16]))]);
    check(&NetworkFiles { file: with(tensor), external }).map(drop).map_err(|error| error.to_string())
}

#[test]
fn tensors_in_the_file_beside_are_inside_of_it() {
    let good = [("location", "w.bin"), ("offset", "8"), ("length", "8"), ("checksum", "00")];
    assert_eq!(checked(&tensor(&good)), Ok(()));
    assert_eq!(checked(&tensor(&[("location", "./w.bin")])), Ok(()));
    assert_eq!(checked(&Tensor { dims: vec![], ..tensor(&good[..2]) }), Ok(()));
    assert_eq!(
        checked(&Tensor { dims: vec![0, 1 << 40], ..tensor(&[("location", "w.bin"), ("length", "0")]) }),
        Ok(())
    );
    // Three values of four bits take two bytes.
    let packed = Tensor { data_type: Some(INT4), dims: vec![3], ..tensor(&[("location", "w.bin"), ("length", "2")]) };
    assert_eq!(checked(&packed), Ok(()));
    // The location of an inline tensor is ignored.
    assert_eq!(checked(&Tensor { data_location: vec![], ..tensor(&[("location", "/etc/passwd")]) }), Ok(()));

    let at = |entries: &[(&str, &str)]| tensor(&[&[("location", "w.bin")], entries].concat());
    for (tensor, expected) in [
        (at(&[("offset", "9")]), "is in bytes 9 to 17 of the file \"w.bin\", which has 16"),
        (at(&[("offset", "9223372036854775807")]), "is in bytes 9223372036854775807 to 9223372036854775815"),
        (at(&[("offset", "9223372036854775808")]), "its offset is not a number of bytes"),
        (at(&[("offset", "-8")]), "its offset is not a number of bytes"),
        (at(&[("offset", "0x8")]), "its offset is not a number of bytes"),
        (at(&[("offset", "010")]), "its offset is not a number of bytes"),
        (at(&[("offset", "")]), "its offset is not a number of bytes"),
        (at(&[("length", "7")]), "has 7 bytes of the file \"w.bin\"; its datatype and shape need 8"),
        (at(&[("offset", "0"), ("offset", "8")]), "its offset is given twice"),
        (at(&[("location", "w.bin")]), "its location is given twice"),
        (at(&[("prepacked_0", "x")]), "\"prepacked_0\" is not one of location, offset, length and checksum"),
        (tensor(&[("offset", "0")]), "its location is missing"),
        (tensor(&[("location", "v.bin")]), "the file \"v.bin\", in which the network has weights, is missing"),
        (tensor(&[("location", "../w.bin")]), "\"../w.bin\", which is refused: it leads out of the folder"),
        (tensor(&[("location", "/etc/passwd")]), "\"/etc/passwd\", which is refused: it is absolute"),
        (Tensor { dims: vec![-2], ..at(&[]) }, "no file has room for its shape [-2]"),
        (Tensor { dims: vec![i64::MAX, 8], ..at(&[]) }, "no file has room for its shape"),
        // ONNX Runtime would take the bytes for pointers.
        (Tensor { data_type: Some(STRING), ..at(&[]) }, "is of STRING, whose values cannot be in another file"),
        (Tensor { data_type: Some(99), ..at(&[]) }, "is of datatype 99, whose values cannot be in another file"),
        (Tensor { data_type: None, ..at(&[]) }, "is of datatype 0, whose values cannot be in another file"),
    ] {
        let error = checked(&tensor).expect_err(expected);
        assert!(error.starts_with("tensor \"w\"") || error.starts_with("the file"), "{error}");
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn what_no_session_can_be_given_is_moved_into_the_file() {
    let files = gather(everywhere()).expect("whole");
    assert_eq!(files.external.keys().collect::<Vec<_>>(), ["main"]);
    assert_eq!(check(&files).map(drop), Ok(()));
    let model = Model::decode(files.file).expect("written here");
    let inline = |tensor: &Bytes| Inline::decode(tensor.clone()).expect("written here");
    let attribute = &model.functions[0].attribute_proto[0];
    let graph = &attribute.graphs[0].node[0].attribute[0].g.as_ref().expect("a graph");
    let sparse = graph.sparse_initializer[0].indices.first().expect("indices");
    for tensor in [attribute.t.first().expect("a tensor"), &attribute.tensors[1], &graph.initializer[0], sparse] {
        assert_eq!(inline(tensor).raw_data.as_deref(), Some(&[4, 5, 6, 7, 8, 9, 10, 11][..]));
        assert_eq!((inline(tensor).name, inline(tensor).dims), (Some(bytes("w")), vec![2]));
    }
    // External tensors outside the main graph are refused.
    let external = BTreeMap::from(["main", "nested"].map(|name| (name.to_owned(), Arc::from([0; 20]))));
    let error = check(&NetworkFiles { file: everywhere(), external }).map(drop).expect_err("nested");
    assert_eq!(error, OnnxError::Nested { tensor: "w".to_owned(), file: "nested".to_owned() });
}

#[test]
fn a_file_in_one_piece_stays_as_it_is() {
    // An unknown field.
    let mut whole = with(&Tensor { data_location: vec![], ..tensor(&[]) }).to_vec();
    whole.extend([0xfa, 0x3e, 1, 7]);
    assert_eq!(gather(whole.clone().into()), Ok(whole.into()));
}

#[test]
fn what_is_no_onnx_file_is_told() {
    for (file, expected) in [
        (&b"this is no network"[..], "not an ONNX file: "),
        (b"", "not an ONNX file: there is no graph in it"),
        (b"\x1c\0\0\0ORTM\0\0", "not an ONNX file, but one in ONNX Runtime's own form"),
        (b"\x3a\x00", "the network has no outputs"),
    ] {
        let error = check(&file.into()).map(drop).expect_err(expected).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    // 200 graphs, each in an attribute of a node of the next.
    let mut deep = Graph::default().encode_to_vec();
    for _ in 0..200 {
        for (tag, level) in [(0x32, 0), (0x2a, 1), (0x0a, 2)] {
            let mut outer = vec![tag];
            prost::encode_length_delimiter(deep.len(), &mut outer).expect("a vector grows");
            outer.append(&mut deep);
            (deep, _) = (outer, level);
        }
    }
    let mut model = vec![0x3a];
    prost::encode_length_delimiter(deep.len(), &mut model).expect("a vector grows");
    model.append(&mut deep);
    let error = gather(model.into()).expect_err("too deep").to_string();
    assert!(error.contains("recursion limit"), "{error}");
}

#[test]
fn only_tensors_of_the_protocol_are_served() {
    let tensor = |elem_type| Type {
        tensor: Some(super::proto::TensorType { elem_type: Some(elem_type), shape: Some(Bytes::new()) }),
        ..Type::default()
    };
    let of = |inner: Type| Some(Box::new(super::proto::Of { elem_type: Some(Box::new(inner)) }));
    let map = super::proto::Map { key_type: Some(7), value_type: Some(Box::new(tensor(FLOAT))) };
    let map = Type { map: Some(Box::new(map)), ..Type::default() };
    for (of_input, expected) in [
        (Type { sequence: of(tensor(FLOAT)), ..Type::default() }, "a sequence, each a tensor of FLOAT"),
        (Type { sequence: of(map), ..Type::default() }, "a sequence, each a map from INT64 to a tensor of FLOAT"),
        (Type { optional: of(tensor(FLOAT)), ..Type::default() }, "of an optional type, a tensor of FLOAT or nothing"),
        (Type { opaque: Some(Bytes::new()), ..Type::default() }, "of an opaque type"),
        (Type { sparse_tensor: tensor(FLOAT).tensor, ..Type::default() }, "a sparse tensor of FLOAT"),
        (tensor(14), "a tensor of COMPLEX64"),
        (tensor(17), "a tensor of FLOAT8E4M3FN"),
        (tensor(INT4), "a tensor of INT4"),
    ] {
        let input = ValueInfo { name: Some(bytes("x")), r#type: Some(of_input) }.encode_to_vec().into();
        let file = file(Graph { input: vec![input], ..Graph::default() }, Vec::new());
        let error = check(&file.into()).map(drop).expect_err(expected).to_string();
        assert!(error.starts_with(&format!("input \"x\" is {expected}; only tensors")), "{error}");
    }
}

/// Reads a network and its external data at `location`.
fn on_disk(folder: &Path, location: &str) -> Result<NetworkFiles, OnnxError> {
    let path = folder.join("network.onnx");
    std::fs::write(&path, with(&tensor(&[("location", location)]))).expect("written");
    NetworkFiles::read(&path)
}

#[test]
fn no_file_out_of_the_folder_is_read() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let here = outside.path().join("here");
    std::fs::create_dir_all(here.join("weights")).expect("made");
    let secret = outside.path().join("secret.pem");
    for file in [&secret, &here.join("w.bin"), &here.join("weights/w.bin")] {
        std::fs::write(file, [0; 16]).expect("written");
    }
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, here.join(name)).expect("linked");
    link(&secret, "link.bin");
    link(Path::new("../secret.pem"), "relative.bin");
    link(outside.path(), "up");
    link(&here.join("link.bin"), "twice.bin");
    link(Path::new("weights/w.bin"), "inside.bin");
    link(Path::new("gone"), "dangling.bin");
    for good in ["w.bin", "weights/w.bin", "inside.bin"] {
        assert_eq!(on_disk(&here, good).expect("read").external[good].len(), 16);
    }
    for bad in ["link.bin", "relative.bin", "up/secret.pem", "up/here/../secret.pem", "twice.bin"] {
        let error = on_disk(&here, bad).expect_err(bad).to_string();
        assert!(error.contains(&format!("{bad:?}")) && error.contains("refused"), "{error}");
    }
    for bad in ["gone.bin", "dangling.bin", "w.bin/w.bin"] {
        assert_eq!(on_disk(&here, bad), Err(OnnxError::Missing { file: bad.to_owned() }));
    }
    let error = on_disk(&here, "weights").expect_err("a folder").to_string();
    assert!(error.ends_with("cannot be read: it is not a regular file"), "{error}");
    let absolute = secret.to_str().expect("UTF-8");
    assert!(matches!(on_disk(&here, absolute), Err(OnnxError::Location { .. })));
    std::fs::write(here.join("short.bin"), [0; 7]).expect("written");
    let error = on_disk(&here, "short.bin").expect_err("short").to_string();
    assert!(error.ends_with("is in bytes 0 to 8 of the file \"short.bin\", which has 7"), "{error}");
    assert!(matches!(NetworkFiles::read(&here.join("gone.onnx")), Err(OnnxError::Io(_))));
}

/// Files that ONNX's reader and others decode differently: ONNX's keeps the last known number of an enum, and merges a
/// repeated message.
#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for locations in [vec![1, 99], vec![1, 0], vec![0, 1], vec![2], vec![-1]] {
        let error = checked(&Tensor { data_location: locations, ..tensor(&[("location", "w.bin")]) });
        let error = error.expect_err("in two ways");
        assert!(error.contains("its data_location is neither DEFAULT nor EXTERNAL, once"), "{error}");
    }
    let (tensor, nothing) = (plain("w.bin"), Bytes::new());
    let twice = vec![tensor.clone(), nothing];
    let of =
        |attribute| Graph { node: vec![Node { attribute: vec![attribute], ..Node::default() }], ..Graph::default() };
    let sparse = |values: &[Bytes], indices: &[Bytes]| SparseTensor {
        values: values.to_vec(),
        indices: indices.to_vec(),
        ..SparseTensor::default()
    };
    for graph in [
        of(Attribute { t: twice.clone(), ..Attribute::default() }),
        of(Attribute { sparse_tensor: Some(sparse(&twice, &[])), ..Attribute::default() }),
        Graph { sparse_initializer: vec![sparse(&[], &twice)], ..Graph::default() },
    ] {
        let files = NetworkFiles { file: file(graph, Vec::new()), external: BTreeMap::new() };
        let error = check(&files).expect_err("in two ways").to_string();
        assert!(error.contains("a field of one tensor is given twice"), "{error}");
    }
}

proptest! {
    #[test]
    fn no_bytes_bring_a_reader_down(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = check(&bytes.clone().into());
        let _ = gather(bytes.into());
    }

    #[test]
    fn no_damage_brings_a_reader_down(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = everywhere().to_vec();
        for (at, to) in changes {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        for bytes in [bytes[..cut.index(bytes.len())].to_vec(), bytes] {
            let _ = check(&bytes.clone().into());
            // Gathered files are complete.
            if let Ok(files) = gather(bytes.into()) {
                let lacks = matches!(check(&files), Err(OnnxError::Missing { .. } | OnnxError::Range { .. }));
                prop_assert!(!lacks, "what was gathered is whole");
            }
        }
    }
}
