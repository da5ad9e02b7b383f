//! Compression bombs: images of 16 megapixels in some hundred bytes, with tenths of a second of CPU time each.

use std::io::Write;

use amaas_digits::{Digits, bundle};
use amaas_e2e::Program;
use amaas_model::task::{RowTask, Rows, Tasks};
use amaas_store::live;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use serde_json::{Value, json};

use crate::AttackResult;
use crate::tenants::{TwoTenantServer, gzip, run};

/// 64 attackers; the bystander's small calls have idempotency keys, so that each reads the ledger.
pub(crate) fn packed_images() -> AttackResult {
    run(async {
        let tasks = Tasks::default().with::<Rows<Digits>>();
        let server = TwoTenantServer::start(Program::Digits, bundle(live()).expect("committed"), &tasks).await;
        let image = BASE64_STANDARD.encode(black(4096, 4095));
        let attack = gzip(json!({ "inputs": [image, image, image] }).to_string().as_bytes());
        let example: Value = serde_json::from_str(Digits::EXAMPLE).expect("JSON");
        let (call, path) = (json!({ "inputs": [example] }), "/v1/models/digits/predict");
        let attack = || async { drop(server.attack(path, &attack).await) };
        // One image for each attack; half as many as cores are decoded concurrently.
        server.measure(|| server.call(path, &call), (64, attack), 512).await
    })
}

/// An empty PNG.
fn black(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::best());
    let line = vec![0; width as usize + 1];
    (0..height).try_for_each(|_| pixels.write_all(&line)).expect("memory");
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 0, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", pixels.finish().expect("memory")), (b"IEND", Vec::new())] {
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(&data);
        file.extend(u32::try_from(data.len()).expect("small").to_be_bytes());
        file.extend(kind);
        file.extend(data);
        file.extend(crc.sum().to_be_bytes());
    }
    file
}
