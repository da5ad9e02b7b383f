//! Types and service of `proto/inference.proto`, made by a compiler in Rust, so that nobody has to have `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(["proto/inference.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        // Views of the message instead of copies.
        .bytes(".")
        .codec_path("crate::grpc::codec::Bounded")
        .compile_fds(descriptors)?;
    Ok(())
}
