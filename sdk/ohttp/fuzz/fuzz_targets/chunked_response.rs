#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    amaas_ohttp_fuzz::chunked_response(bytes);
});
