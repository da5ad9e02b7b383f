#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    amaas_functions_fuzz::audio(bytes);
});
