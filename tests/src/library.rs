//! The ONNX Runtime library, once for all tests.

use std::path::{Path, PathBuf};

use amaas_engine::runtime::find_or_fetch;
use tokio::sync::OnceCell;

/// The path of the library: `ORT_DYLIB_PATH`, or the user's cache, into which pip fetches it.
pub async fn library() -> &'static Path {
    static LIBRARY: OnceCell<PathBuf> = OnceCell::const_new();
    let fetch = || {
        let configured = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        find_or_fetch(configured.as_deref(), |line| eprintln!("{line}")).expect("there is an ONNX Runtime library")
    };
    let library = LIBRARY.get_or_init(|| async { tokio::task::spawn_blocking(fetch).await.expect("no panic") });
    library.await
}
