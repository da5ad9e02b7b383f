//! The embedding function end to end: published, loaded, served over HTTP, called sealed and plain.

mod openai;
mod openai_client;
mod service;
mod vectors;
