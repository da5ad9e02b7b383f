#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    amaas_ohttp_fuzz::key_list(bytes);
});
