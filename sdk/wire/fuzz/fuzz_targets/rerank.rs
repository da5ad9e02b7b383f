#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    amaas_wire_fuzz::rerank(bytes);
});
