//! Schemas hold what is read and written, and nothing else.

use amaas_wire::dsse::{Envelope, SigningKey};
use amaas_wire::oip::{InferRequest, InferResponse, OutputEncodings, TensorEncoding};
use amaas_wire::openai::{
    CompletionChoice, CompletionUsage, CompletionsRequest, CompletionsResponse, EmbeddingEntry, EmbeddingsRequest,
    EmbeddingsResponse, EncodedVector, EncodingFormat, Member, MemberEffect, RerankDocument, RerankMeta, RerankRequest,
    RerankResponse, RerankResult, RerankTokens, StreamedUsage, TokenLogprobs, TokenUsage,
};
use amaas_wire::task::{DigitClassification, FinishReason, Image, Prompt};
use amaas_wire::{Datatype, Tensor};
use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The schema of what is read as `T`.
fn read<T: JsonSchema>() -> Validator {
    validator(&read_schema::<T>())
}

fn read_schema<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>().to_value()
}

/// The schema of how `T` is written, with no other members than it names.
fn written<T: JsonSchema>() -> Validator {
    let mut schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value();
    close(&mut schema);
    validator(&schema)
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::new(schema).expect("a schema")
}

/// Has every object of `schema` refuse members that it does not name.
fn close(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        if object.contains_key("properties") {
            object.entry("additionalProperties").or_insert(false.into());
        }
        object.values_mut().for_each(close);
    } else if let Some(list) = schema.as_array_mut() {
        list.iter_mut().for_each(close);
    }
}

/// Both the schema and the parser take each of `taken`, and neither takes any of `refused`.
fn agree<T: JsonSchema>(parse: impl Fn(&str) -> bool, taken: &[&str], refused: &[&str]) {
    let schema = read::<T>();
    for (bodies, expected) in [(taken, true), (refused, false)] {
        for body in bodies {
            assert_eq!(parse(body), expected, "the parser: {body}");
            let json: Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(schema.is_valid(&json), expected, "the schema: {body}");
        }
    }
}

#[track_caller]
fn holds(schema: &Validator, value: &Value) {
    let errors: Vec<_> = schema.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{value}: {errors:?}");
}

#[test]
fn prompts() {
    agree::<Prompt>(
        |body| serde_json::from_str::<Prompt>(body).is_ok_and(|prompt| prompt.check().is_ok()),
        &[
            r#""a""#,
            r#"{"prompt":"a"}"#,
            r#"{"prompt":"a","max_tokens":1,"temperature":2,"top_p":0.1,"seed":-1,"stop":["a","b","c","d"]}"#,
            r#"{"prompt":"a","max_tokens":null,"stop":"a"}"#,
        ],
        &[
            "7",
            "{}",
            r#"{"prompt":"a","tokens":1}"#,
            r#"{"prompt":"a","max_tokens":0}"#,
            r#"{"prompt":"a","max_tokens":1.5}"#,
            r#"{"prompt":"a","temperature":2.1}"#,
            r#"{"prompt":"a","top_p":0}"#,
            r#"{"prompt":"a","stop":""}"#,
            r#"{"prompt":"a","stop":["a","b","c","d","e"]}"#,
        ],
    );
}

#[test]
fn embeddings_requests() {
    agree::<EmbeddingsRequest>(
        |body| EmbeddingsRequest::from_json(body.as_bytes(), 9).is_ok(),
        &[
            r#"{"model":"m","input":"a","user":"u","metadata":{"a":"b"},"service_tier":"default","store":false}"#,
            r#"{"model":"m","input":"a","truncate":false,"truncate_prompt_tokens":-1,"truncation_direction":"right"}"#,
            r#"{"model":"m","input":"a","truncate":"NONE","user":null,"metadata":null,"service_tier":null,"store":null}"#,
            r#"{"model":"m","input":["a",""],"encoding_format":"base64","dimensions":3,"prompt_name":"query"}"#,
            r#"{"model":"m","input":[1,2],"truncation":true,"safety_identifier":"s","prompt_cache_key":"k"}"#,
            r#"{"model":"m","input":[[1],[2,4294967295]]}"#,
            r#"{"model":"m","input":"a","encoding_format":null,"dimensions":null}"#,
        ],
        &[
            "[]",
            r#"{"input":"a"}"#,
            r#"{"model":"m"}"#,
            r#"{"model":"m","input":[]}"#,
            r#"{"model":"m","input":[1.5]}"#,
            r#"{"model":"m","input":[-1]}"#,
            r#"{"model":"m","input":[[]]}"#,
            r#"{"model":"m","input":[[1],"a"]}"#,
            r#"{"model":"m","input":["a",1]}"#,
            r#"{"model":"m","input":"a","safety_identifier":1}"#,
            r#"{"model":"m","input":"a","encoding_format":"hex"}"#,
            r#"{"model":"m","input":"a","dimensions":-1}"#,
            r#"{"model":"m","input":"a","other":1}"#,
            r#"{"model":"m","input":"a","user":1}"#,
            r#"{"model":"m","input":"a","store":1}"#,
            r#"{"model":"m","input":"a","service_tier":"flex"}"#,
            r#"{"model":"m","input":"a","truncate":"START"}"#,
            r#"{"model":"m","input":"a","truncate_prompt_tokens":16}"#,
            r#"{"model":"m","input":"a","truncation_direction":"left"}"#,
        ],
    );
}

#[test]
fn rerank_requests() {
    agree::<RerankRequest>(
        |body| RerankRequest::from_json(body.as_bytes(), 9).is_ok(),
        &[
            r#"{"model":"m","query":"q","documents":["a",{"text":"b"}]}"#,
            r#"{"model":"m","query":"","documents":[""],"top_n":1,"return_documents":true,"truncate":"END"}"#,
            r#"{"model":"m","query":"q","documents":["a"],"top_n":null,"return_documents":null,"truncation":false}"#,
        ],
        &[
            "[]",
            r#"{"model":"m","query":"q"}"#,
            r#"{"model":"m","documents":["a"]}"#,
            r#"{"query":"q","documents":["a"]}"#,
            r#"{"model":"m","query":"q","documents":[]}"#,
            r#"{"model":"m","query":"q","documents":"a"}"#,
            r#"{"model":"m","query":"q","documents":[7]}"#,
            r#"{"model":"m","query":["q"],"documents":["a"]}"#,
            r#"{"model":"m","query":"q","documents":["a"],"top_n":0}"#,
            r#"{"model":"m","query":"q","documents":["a"],"rank_fields":["text"]}"#,
            r#"{"model":"m","query":"q","documents":["a"],"max_tokens_per_doc":9}"#,
        ],
    );
}

#[test]
fn tables_of_members_are_those_of_the_schemas() {
    fn names<T: JsonSchema>(members: &[Member]) {
        let schema = read_schema::<T>();
        let properties = schema["properties"].as_object().expect("an object");
        let mut expected: Vec<_> = members.iter().map(|member| member.name).collect();
        let required: Vec<_> =
            schema["required"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        for member in members {
            let is_required = member.effect == MemberEffect::Required;
            assert_eq!(required.contains(&member.name), is_required, "{}", member.name);
        }
        let mut got: Vec<_> = properties.keys().map(String::as_str).collect();
        expected.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, expected);
    }
    names::<EmbeddingsRequest>(EmbeddingsRequest::MEMBERS);
    names::<CompletionsRequest>(CompletionsRequest::MEMBERS);
    names::<RerankRequest>(RerankRequest::MEMBERS);
}

#[test]
fn completions_requests() {
    agree::<CompletionsRequest>(
        |body| CompletionsRequest::from_json(body.as_bytes()).is_ok(),
        &[
            r#"{"model":"m","prompt":"a","user":"u","metadata":{"a":"b"},"service_tier":"auto","store":false}"#,
            r#"{"model":"m","prompt":["a"],"max_tokens":null,"stop":null,"n":1,"suffix":"","logit_bias":{}}"#,
            r#"{"model":"m","prompt":"a","temperature":0,"top_p":1,"seed":-1,"stop":["a"],"logprobs":5,"best_of":1}"#,
            r#"{"model":"m","prompt":"a","stream":true,"stream_options":{"include_usage":true},"presence_penalty":0}"#,
            r#"{"model":"m","prompt":"a","echo":true,"frequency_penalty":0.0}"#,
        ],
        &[
            "[]",
            r#"{"prompt":"a"}"#,
            r#"{"model":"m"}"#,
            r#"{"model":"m","prompt":["a","b"]}"#,
            r#"{"model":"m","prompt":[1]}"#,
            r#"{"model":"m","prompt":"a","max_tokens":0}"#,
            r#"{"model":"m","prompt":"a","temperature":3}"#,
            r#"{"model":"m","prompt":"a","top_p":0}"#,
            r#"{"model":"m","prompt":"a","seed":1.5}"#,
            r#"{"model":"m","prompt":"a","stop":["a","b","c","d","e"]}"#,
            r#"{"model":"m","prompt":"a","logprobs":6}"#,
            r#"{"model":"m","prompt":"a","stream":"yes"}"#,
            r#"{"model":"m","prompt":"a","stream":true,"stream_options":{"include_usage":1}}"#,
            r#"{"model":"m","prompt":"a","n":2}"#,
            r#"{"model":"m","prompt":"a","best_of":0}"#,
            r#"{"model":"m","prompt":"a","suffix":"b"}"#,
            r#"{"model":"m","prompt":"a","presence_penalty":0.5}"#,
            r#"{"model":"m","prompt":"a","frequency_penalty":1}"#,
            r#"{"model":"m","prompt":"a","logit_bias":{"1":2}}"#,
            r#"{"model":"m","prompt":"a","top_k":1}"#,
            r#"{"model":"m","prompt":"a","user":1}"#,
            r#"{"model":"m","prompt":"a","store":1}"#,
            r#"{"model":"m","prompt":"a","service_tier":"flex"}"#,
            r#"{"model":"m","prompt":"a","stream":true,"stream_options":{"other":1}}"#,
        ],
    );
}

#[test]
fn infer_requests() {
    agree::<InferRequest>(
        |body| InferRequest::from_json(body.as_bytes()).is_ok(),
        &[
            r#"{"inputs":[]}"#,
            r#"{"id":"7","inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[[0.5,1]],"parameters":{}}],
                "outputs":[{"name":"y","parameters":{"binary_data":true,"classification":3}}],"parameters":{"binary_data_output":true}}"#,
            r#"{"inputs":[{"name":"x","datatype":"BYTES","shape":[],"data":"a"}],"outputs":null}"#,
            r#"{"inputs":[],"model_name":"m","parameters":{"priority":1,"timeout":5,"sequence_id":0,"sequence_start":false}}"#,
        ],
        &[
            "{}",
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1]}]}"#,
            r#"{"inputs":[{"name":"x","datatype":"FLOAT","shape":[1],"data":[1]}]}"#,
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[-1],"data":[1]}]}"#,
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[null]}]}"#,
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}],"outputs":[{}]}"#,
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1],"type":"FP32"}]}"#,
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1],"parameters":{"content_type":"np"}}]}"#,
            r#"{"inputs":[],"outputs":[{"name":"y","shape":[1]}]}"#,
            r#"{"inputs":[],"outputs":[{"name":"y","parameters":{"classification":-1}}]}"#,
            r#"{"inputs":[],"parameters":{"content_type":"pd"}}"#,
            r#"{"inputs":[],"parameters":{"sequence_id":5}}"#,
            r#"{"inputs":[],"parameters":{"sequence_end":true}}"#,
            r#"{"inputs":[],"output":[]}"#,
        ],
    );
    // As bytes: the parser needs those, the schema only the JSON before them.
    let binary =
        json!({"inputs": [{"name": "x", "datatype": "INT8", "shape": [1], "parameters": {"binary_data_size": 1}}]});
    let body = [binary.to_string().as_bytes(), &[7]].concat().into();
    let header = binary.to_string().len();
    assert!(InferRequest::from_http(&body, Some(header)).is_ok());
    holds(&read::<InferRequest>(), &binary);
}

#[test]
fn tensors_as_they_are_written() {
    let outputs = vec![
        Tensor::new("y", vec![1, 2], vec![0.5_f32, -1.0]).expect("two values"),
        Tensor::new("t", vec![1], vec!["é".to_owned()]).expect("a value"),
        Tensor::new("b", vec![], vec![true]).expect("a value"),
    ];
    let request =
        InferRequest { id: Some("7".to_owned()), inputs: outputs.clone(), outputs: Some(vec!["y".to_owned()]) };
    holds(&read::<InferRequest>(), &serde_json::to_value(request).expect("JSON"));
    let schema = written::<InferResponse>();
    for (id, model_version) in [(None, None), (Some("7".to_owned()), Some("1".to_owned()))] {
        let response = InferResponse { model_name: "m".to_owned(), model_version, id, outputs: outputs.clone() };
        holds(&schema, &serde_json::to_value(&response).expect("JSON"));
        let encoded = response.into_http(&OutputEncodings::all(TensorEncoding::Binary)).expect("JSON");
        holds(&schema, &serde_json::from_slice(&encoded.json).expect("JSON"));
    }
    assert!(!schema.is_valid(&json!({"model_name": "m", "outputs": [], "more": 1})));
    assert!(!schema.is_valid(&json!({"outputs": []})));
}

#[test]
fn every_datatype_has_values() {
    let names = read::<Datatype>();
    for datatype in Datatype::ALL {
        holds(&names, &json!(datatype.name()));
        let mut schemas = schemars::SchemaGenerator::default();
        let schema = validator(datatype.value_schema(&mut schemas).as_value());
        for value in [json!(true), json!(1), json!(-1), json!(0.5), json!(300), json!("a"), json!(null), json!([])] {
            let tensor = json!({"name": "x", "datatype": datatype, "shape": [1], "data": [value]});
            let parsed = InferRequest::from_json(json!({"inputs": [tensor]}).to_string().as_bytes());
            assert_eq!(schema.is_valid(&value), parsed.is_ok(), "{datatype} {value}");
        }
    }
}

#[test]
fn openais_answers() {
    let usage = TokenUsage { prompt_tokens: 3, total_tokens: 3 };
    let schema = written::<EmbeddingsResponse>();
    for (format, truncated) in [(EncodingFormat::Float, false), (EncodingFormat::Base64, true)] {
        let embedding = EncodedVector { values: vec![0.5, -0.5], format };
        let data = vec![EmbeddingEntry { object: "embedding", index: 0, embedding, truncated }];
        let answer = EmbeddingsResponse { object: "list", data, model: "m".to_owned(), usage };
        let mut json = serde_json::to_value(&answer).expect("JSON");
        holds(&schema, &json);
        json["object"] = "other".into();
        assert!(!schema.is_valid(&json));
    }
    let schema = written::<RerankResponse>();
    for document in [None, Some(RerankDocument { text: "a".to_owned() })] {
        let result = RerankResult { index: 0, relevance_score: 0.5, truncated: document.is_some(), document };
        let meta = RerankMeta { tokens: RerankTokens { input_tokens: 3 } };
        let (id, model) = ("rerank-1".to_owned(), "m".to_owned());
        holds(
            &schema,
            &serde_json::to_value(RerankResponse { id, model, results: vec![result], usage, meta }).expect("JSON"),
        );
    }
    let schema = written::<CompletionsResponse<'_>>();
    let logprobs = TokenLogprobs {
        tokens: vec!["a".to_owned()],
        token_logprobs: vec![-0.5],
        top_logprobs: vec![[("a".to_owned(), -0.5)].into()],
        text_offset: vec![0],
    };
    let whole = CompletionChoice {
        text: "a".to_owned(),
        index: 0,
        logprobs: Some(logprobs),
        finish_reason: Some(FinishReason::Length),
    };
    for (choices, usage) in [
        (
            vec![whole],
            StreamedUsage::Whole(CompletionUsage { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }),
        ),
        (vec![CompletionChoice::default()], StreamedUsage::Omitted),
        (vec![CompletionChoice::default()], StreamedUsage::Later),
    ] {
        let object = "text_completion";
        let answer = CompletionsResponse { id: "cmpl-1", object, created: 7, model: "m", choices, usage };
        holds(&schema, &serde_json::to_value(&answer).expect("JSON"));
    }
}

#[test]
fn what_is_text_in_json() {
    let schema = read::<Image>();
    holds(&schema, &serde_json::to_value(Image::from(b"GIF89a".to_vec())).expect("JSON"));
    assert!(!schema.is_valid(&json!([71, 73, 70])));
    let envelope = Envelope::sign("text/plain", b"payload".to_vec(), &[&SigningKey::from_bytes(&[1; 32])]).to_json();
    holds(&written::<Envelope>(), &serde_json::from_slice(&envelope).expect("JSON"));
}

#[test]
fn a_digit_is_one_of_ten() {
    let schema = written::<DigitClassification>();
    let mut digit = DigitClassification { digit: 9, probability: 1.0, probabilities: [0.0; 10] };
    holds(&schema, &serde_json::to_value(digit).expect("JSON"));
    digit.digit = 10;
    assert!(!schema.is_valid(&serde_json::to_value(digit).expect("JSON")));
}
