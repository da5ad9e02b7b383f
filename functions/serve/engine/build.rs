//! Generates the types of `proto/onnx_outline.proto` with a protobuf compiler in Rust, so that building does not need `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(["proto/onnx_outline.proto"], ["proto"])?;
    prost_build::Config::new()
        // Views of the file instead of copies.
        .bytes(["."])
        // A graph is large beside the other fields of an attribute, and few attributes have one.
        .boxed(".onnx_outline.Attribute.g")
        .compile_fds(descriptors)?;
    Ok(())
}
