//! The generating function as a whole: published, loaded, served over http, called sealed and plain.

mod service;
mod stories;
