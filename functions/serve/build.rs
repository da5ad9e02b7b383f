//! Types and service of `proto/inference.proto`, and what describes them to clients that ask, made by a compiler in Rust, so that nobody has
//! to have `protoc`.

use std::path::PathBuf;

use protox::prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::var_os("CARGO_FEATURE_GRPC").is_none() {
        return Ok(());
    }
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(["proto/inference.proto"], ["proto"])?;
    let described = PathBuf::from(std::env::var("OUT_DIR")?).join("inference.bin");
    std::fs::write(described, descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        // Views of the message instead of copies.
        .bytes(".")
        .codec_path("crate::grpc::codec::BoundedCodec")
        .compile_fds(descriptors)?;
    Ok(())
}
