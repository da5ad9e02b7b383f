//! The same network with the batch as the first dimension of every tensor that it takes and gives, so that the proof of its rows, which
//! looks at first dimensions, can be asked of decoders whose caches have the batch elsewhere.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;

use super::proto::{Attribute, Node, TensorType, Type, ValueInfo};
use super::read::read;
use super::{NetworkFiles, OnnxError};

/// `files` with a `Transpose` behind each input and before each output in `places`, which says where their batch stands. Other tensors
/// are as they were.
///
/// # Errors
/// [`OnnxError::NotOnnx`] where the file cannot be read, or a tensor has no such dimension.
pub(crate) fn batch_first(files: &NetworkFiles, places: &BTreeMap<&str, usize>) -> Result<NetworkFiles, OnnxError> {
    if places.values().all(|place| *place == 0) {
        return Ok(files.clone());
    }
    let (mut model, mut graph) = read(&files.file)?;
    let mut nodes = Vec::with_capacity(graph.node.len() + places.len());
    for input in &mut graph.input {
        let Some(moved) = Moved::of(input, places)? else { continue };
        nodes.push(moved.node(&moved.renamed, &moved.name, moved.back()));
        // It is always sent, and a name has one value.
        graph.initializer.retain(|tensor| name_of(tensor).as_ref() != Some(&moved.name));
        *input = moved.value;
    }
    nodes.append(&mut graph.node);
    for output in &mut graph.output {
        let Some(moved) = Moved::of(output, places)? else { continue };
        nodes.push(moved.node(&moved.name, &moved.renamed, moved.order.clone()));
        *output = moved.value;
    }
    graph.node = nodes;
    model.graph = Some(graph);
    Ok(NetworkFiles { file: model.encode_to_vec().into(), external: files.external.clone() })
}

/// A tensor whose batch was moved to the front.
struct Moved {
    name: Bytes,
    renamed: Bytes,
    /// Its description under the other name.
    value: Bytes,
    /// Which of its dimensions stands where.
    order: Vec<i64>,
}

impl Moved {
    /// What becomes of `value`, where its batch does not stand first.
    fn of(value: &Bytes, places: &BTreeMap<&str, usize>) -> Result<Option<Self>, OnnxError> {
        let wrong = |error: prost::DecodeError| OnnxError::NotOnnx(error.to_string());
        let mut described = ValueInfo::decode(value.clone()).map_err(wrong)?;
        let name = described.name.clone().unwrap_or_default();
        let text = String::from_utf8_lossy(&name).into_owned();
        let Some(place) = places.get(text.as_str()).copied().filter(|place| *place > 0) else { return Ok(None) };
        let Some(Type { tensor: Some(TensorType { shape: Some(shape), .. }), .. }) = &mut described.r#type else {
            return Err(OnnxError::NotOnnx(format!("{text:?} has no shape")));
        };
        let mut dims = Shape::decode(shape.clone()).map_err(wrong)?;
        if place >= dims.dim.len() {
            return Err(OnnxError::NotOnnx(format!("{text:?} has no dimension {place}")));
        }
        let mut order: Vec<i64> = (0..).take(dims.dim.len()).collect();
        dims.dim[..=place].rotate_right(1);
        order[..=place].rotate_right(1);
        *shape = dims.encode_to_vec().into();
        let renamed = Bytes::from(format!("{text}/batch-first"));
        described.name = Some(renamed.clone());
        Ok(Some(Self { name, renamed, value: described.encode_to_vec().into(), order }))
    }

    /// The order that undoes its own.
    fn back(&self) -> Vec<i64> {
        let mut back = vec![0; self.order.len()];
        for (place, from) in (0..).zip(&self.order) {
            if let Some(slot) = usize::try_from(*from).ok().and_then(|from| back.get_mut(from)) {
                *slot = place;
            }
        }
        back
    }

    fn node(&self, from: &Bytes, to: &Bytes, order: Vec<i64>) -> Node {
        const INTS: i32 = 7;
        let perm = Attribute { name: Some("perm".into()), ints: order, r#type: Some(INTS), ..Attribute::default() };
        Node {
            input: vec![from.clone()],
            output: vec![to.clone()],
            name: Some(self.renamed.clone()),
            op_type: Some("Transpose".into()),
            attribute: vec![perm],
            ..Node::default()
        }
    }
}

fn name_of(tensor: &Bytes) -> Option<Bytes> {
    super::proto::Tensor::decode(tensor.clone()).ok()?.name
}

/// `TensorShapeProto`, whose dimensions nobody looks into.
#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    dim: Vec<Bytes>,
}

#[cfg(test)]
mod tests {
    use super::super::proto::{Graph, Model};
    use super::*;

    fn value(name: &str, dims: &[&str]) -> Bytes {
        // `dim_param` is field 2 of a dimension.
        let dim = |dim: &&str| [&[0x12, u8::try_from(dim.len()).expect("short")], dim.as_bytes()].concat().into();
        let shape = Shape { dim: dims.iter().map(dim).collect() };
        let tensor = TensorType { elem_type: Some(1), shape: Some(shape.encode_to_vec().into()) };
        let r#type = Some(Type { tensor: Some(tensor), ..Type::default() });
        ValueInfo { name: Some(name.to_owned().into()), r#type }.encode_to_vec().into()
    }

    fn model(inputs: &[Bytes], outputs: &[Bytes]) -> NetworkFiles {
        let node = Node { op_type: Some("Concat".into()), ..Node::default() };
        let graph = Graph { node: vec![node], input: inputs.to_vec(), output: outputs.to_vec(), ..Graph::default() };
        NetworkFiles::from(Model { graph: Some(graph), ..Model::default() }.encode_to_vec())
    }

    #[test]
    fn the_batch_is_moved_to_the_front_and_back() {
        let files = model(
            &[value("ids", &["batch", "seq"]), value("past", &["layers", "heads", "batch", "len"])],
            &[value("logits", &["batch", "seq"]), value("present", &["layers", "heads", "batch", "len"])],
        );
        let places = [("ids", 0), ("past", 2), ("present", 2), ("nothing", 3)].into();
        let moved = batch_first(&files, &places).expect("moved");
        let (_, graph) = read(&moved.file).expect("an ONNX file");
        let moved_shape = ["batch", "layers", "heads", "len"];
        assert_eq!(graph.input, [value("ids", &["batch", "seq"]), value("past/batch-first", &moved_shape)]);
        assert_eq!(graph.output, [value("logits", &["batch", "seq"]), value("present/batch-first", &moved_shape)]);
        let nodes: Vec<_> = graph
            .node
            .iter()
            .map(|node| {
                let perm = node.attribute.first().map(|attribute| attribute.ints.clone()).unwrap_or_default();
                (node.op_type.clone().unwrap_or_default(), node.input.concat(), node.output.concat(), perm)
            })
            .collect();
        let transpose = Bytes::from("Transpose");
        assert_eq!(
            nodes,
            [
                (transpose.clone(), b"past/batch-first".to_vec(), b"past".to_vec(), vec![1, 2, 0, 3]),
                ("Concat".into(), vec![], vec![], vec![]),
                (transpose, b"present".to_vec(), b"present/batch-first".to_vec(), vec![2, 0, 1, 3]),
            ]
        );
    }

    #[test]
    fn what_has_its_batch_in_front_stays_as_it_is_and_what_has_no_such_dimension_is_refused() {
        let files = model(&[value("past", &["batch", "len"])], &[]);
        assert_eq!(batch_first(&files, &[("past", 0)].into()), Ok(files.clone()));
        assert!(batch_first(&files, &[("past", 2)].into()).is_err());
    }
}
