//! The schemas of `infer` for a network, from the tensors in its manifest.

use amaas_wire::oip::{InferRequest, InferResponse};
use amaas_wire::{Datatype, Tensor};
use schemars::{Schema, json_schema};
use serde_json::{Value, json};

use amaas_engine::{Dim, TensorSpec};
use amaas_model::manifest::Manifest;
use amaas_model::schema::SchemaRegistry;

/// The schema of a request: the network's inputs, each once and in any order; optional ones may be missing.
pub(super) fn request_schema(schemas: &mut SchemaRegistry, manifest: &Manifest) -> Schema {
    let (base, tensor) = (schemas.read::<InferRequest>(), schemas.read::<Tensor>());
    let inputs: Vec<_> = manifest.inputs.iter().map(|input| tensor_schema(schemas, &tensor, input)).collect();
    let outputs: Vec<_> = manifest.outputs.iter().map(|output| output.name.as_str()).collect();
    let (min, max) = (manifest.inputs.iter().filter(|input| !input.optional).count(), inputs.len());
    let inputs = if inputs.is_empty() {
        // A list of alternatives must not be empty.
        json!({ "maxItems": 0 })
    } else {
        json!({ "minItems": min, "maxItems": max, "items": { "anyOf": inputs } })
    };
    json_schema!({
        "allOf": [base, { "properties": {
            "inputs": inputs,
            "outputs": { "items": { "properties": { "name": { "enum": outputs } } } },
        } }]
    })
}

/// The schema of a response with the requested outputs.
pub(super) fn response_schema(schemas: &mut SchemaRegistry, manifest: &Manifest) -> Schema {
    let (base, tensor) = (schemas.written::<InferResponse>(), schemas.written::<Tensor>());
    let outputs: Vec<_> = manifest.outputs.iter().map(|output| tensor_schema(schemas, &tensor, output)).collect();
    let (count, model) = (outputs.len(), manifest.model.as_str());
    json_schema!({
        "allOf": [base, { "properties": {
            "model_name": { "const": model },
            "outputs": { "minItems": 1, "maxItems": count, "items": { "anyOf": outputs } },
        } }]
    })
}

/// The schema of the tensor in `spec`: that of any tensor, with its name, datatype and shape.
fn tensor_schema(schemas: &mut SchemaRegistry, tensor: &Schema, spec: &TensorSpec) -> Value {
    let TensorSpec { name, datatype, shape, unranked, .. } = spec;
    let (rank, dims) = (shape.len(), shape.iter().map(dim_schema).collect::<Vec<_>>());
    let data = match datatype {
        // JSON has no encoding of BF16.
        Datatype::Bf16 => Value::Bool(false),
        // A scalar need not be in a list.
        _ if rank > 0 => {
            let mut data = values_schema(schemas, *datatype).to_value();
            data["type"] = "array".into();
            data
        }
        _ => values_schema(schemas, *datatype).to_value(),
    };
    let sizes = match rank {
        _ if *unranked => json!({ "description": "Any dimensions." }),
        0 => json!({ "minItems": 0, "maxItems": 0 }),
        _ => json!({ "minItems": rank, "maxItems": rank, "prefixItems": dims }),
    };
    json!({
        "allOf": [tensor],
        "title": name,
        "properties": {
            "name": { "const": name },
            "datatype": { "const": datatype },
            "shape": sizes,
            "data": data,
        }
    })
}

fn dim_schema(dim: &Dim) -> Value {
    match dim {
        Dim::Fixed(size) => json!({ "const": size }),
        Dim::Symbol(symbol) if symbol.is_empty() => json!({ "description": "Any size." }),
        Dim::Symbol(symbol) => json!({ "description": format!("Any size, equal wherever `{symbol}` occurs.") }),
    }
}

/// Values of `datatype`, flat or nested.
fn values_schema(schemas: &mut SchemaRegistry, datatype: Datatype) -> Schema {
    schemas.component(format!("TensorValues.{datatype}"), |schemas, itself| {
        let one = datatype.value_schema(schemas);
        json_schema!({ "anyOf": [one, { "type": "array", "items": itself }] })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let batch = || Dim::Symbol("batch".to_owned());
        Manifest {
            inputs: vec![
                TensorSpec::new("x", Datatype::Uint8, vec![batch(), Dim::Fixed(2)]),
                TensorSpec::new("s", Datatype::Bytes, vec![]),
                TensorSpec { optional: true, unranked: true, ..TensorSpec::new("b", Datatype::Bf16, vec![]) },
            ],
            outputs: vec![TensorSpec::new("y", Datatype::Fp32, vec![Dim::Symbol(String::new())])],
            ..Manifest::bare()
        }
    }

    /// `schema`, with the components that it refers to.
    fn validator(
        mut schemas: SchemaRegistry,
        make: impl Fn(&mut SchemaRegistry, &Manifest) -> Schema,
    ) -> jsonschema::Validator {
        let mut document = make(&mut schemas, &manifest()).to_value();
        document["components"]["schemas"] = schemas.finish(&mut document).into();
        jsonschema::draft202012::new(&document).expect("a schema")
    }

    #[test]
    fn requests_have_the_networks_inputs() {
        let schema = validator(SchemaRegistry::new(), request_schema);
        let tensor = |name, datatype, shape: Value, data: Value| json!({"name": name, "datatype": datatype, "shape": shape, "data": data});
        let x = || tensor("x", "UINT8", json!([2, 2]), json!([[1, 2], [3, 255]]));
        let s = || tensor("s", "BYTES", json!([]), json!("a"));
        let b = || json!({"name": "b", "datatype": "BF16", "shape": [1, 2], "parameters": {"binary_data_size": 4}});
        for (inputs, expected) in [
            (json!([x(), s()]), true),
            (json!([s(), x()]), true),
            (json!([x()]), false),
            (json!([x(), s(), b(), x()]), false),
            (json!([x(), s(), b()]), true),
            (json!([x(), s(), tensor("b", "BF16", json!([1]), json!([1]))]), false),
            (json!([tensor("x", "UINT8", json!([1, 2]), json!([1, 2])), s()]), true),
            (json!([tensor("x", "UINT8", json!([1, 2]), json!([1, 256])), s()]), false),
            (json!([tensor("x", "INT8", json!([1, 2]), json!([1, 2])), s()]), false),
            (json!([tensor("x", "UINT8", json!([1, 3]), json!([1, 2, 3])), s()]), false),
            (json!([tensor("x", "UINT8", json!([2]), json!([1, 2])), s()]), false),
            (json!([tensor("x", "UINT8", json!([1, 2]), json!(1)), s()]), false),
            (json!([tensor("z", "UINT8", json!([1, 2]), json!([1, 2])), s()]), false),
            (
                json!([x(), {"name": "s", "datatype": "BYTES", "shape": [], "parameters": {"binary_data_size": 4}}]),
                true,
            ),
            (json!([x(), {"name": "s", "datatype": "BYTES", "shape": []}]), false),
        ] {
            assert_eq!(schema.is_valid(&json!({ "inputs": inputs })), expected, "{inputs}");
        }
        let mut none = manifest();
        none.inputs.clear();
        let mut schemas = SchemaRegistry::new();
        let mut document = request_schema(&mut schemas, &none).to_value();
        document["components"]["schemas"] = schemas.finish(&mut document).into();
        let schema_of_none = jsonschema::draft202012::new(&document).expect("a schema");
        assert!(schema_of_none.is_valid(&json!({"inputs": []})) && !schema_of_none.is_valid(&json!({"inputs": [x()]})));
        let wanted = |name: &str| json!({"inputs": [x(), s()], "outputs": [{"name": name}]});
        assert!(schema.is_valid(&wanted("y")) && !schema.is_valid(&wanted("x")));
    }

    #[test]
    fn answers_have_the_networks_outputs() {
        let schema = validator(SchemaRegistry::new(), response_schema);
        let answer = |model: &str, shape: Value| {
            let outputs = json!([{"name": "y", "datatype": "FP32", "shape": shape, "data": [0.5]}]);
            json!({"model_name": model, "model_version": "1", "outputs": outputs})
        };
        assert!(schema.is_valid(&answer("m", json!([1]))));
        assert!(!schema.is_valid(&answer("n", json!([1]))));
        assert!(!schema.is_valid(&answer("m", json!([1, 1]))));
    }
}
