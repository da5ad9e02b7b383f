//! Extracts the cause of a connection error from the chain of its sources.
//!
//! reqwest and hyper wrap the error of the operating system or of TLS in layers without information ("error sending request",
//! "client error (Connect)"). An `io::Error` shows the text of its inner error, and hides the inner error from `source()`.

use std::error::Error;
use std::io;

/// The texts of the chain without those layers, such as `tcp connect error: Connection refused (os error 111)`.
pub(crate) fn text(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for error in chain(error) {
        let text: String = error.to_string().chars().filter(|it| !it.is_control()).take(LONGEST).collect();
        let is_layer = LAYERS.iter().any(|layer| text.starts_with(layer));
        if !is_layer && !texts.iter().any(|told| told.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

/// Whether TLS refused the other side's certificate.
pub(crate) fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    let is_refusal = |error: &rustls::Error| matches!(error, rustls::Error::InvalidCertificate(_));
    chain(error).any(|error| error.downcast_ref::<rustls::Error>().is_some_and(is_refusal))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

/// Texts of the layers without information.
const LAYERS: [&str; 3] = ["error sending request", "client error (", "error decoding response body"];
/// The most characters of one text. A certificate can have many names.
const LONGEST: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<dyn Error + Send + Sync>>);

    impl std::fmt::Display for Layer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_ref().map(|source| &**source as _)
        }
    }

    #[test]
    fn what_wraps_is_left_out_and_what_an_io_error_hides_is_found() {
        let wrapped = |inner: Box<dyn Error + Send + Sync>| {
            Layer("error sending request", Some(Box::new(Layer("client error (Connect)", Some(inner)))))
        };
        let refused = || Box::new(io::Error::from(io::ErrorKind::ConnectionRefused));
        let unknown = || rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        for (error, expected, untrusted) in [
            (wrapped(refused()), "connection refused", false),
            (
                wrapped(Box::new(Layer("tcp connect error", Some(refused())))),
                "tcp connect error: connection refused",
                false,
            ),
            (wrapped(Box::new(io::Error::other(unknown()))), "invalid peer certificate: UnknownIssuer", true),
            (
                wrapped(Box::new(Layer("handshake\n", Some(Box::new(io::Error::other(unknown())))))),
                "handshake: invalid peer certificate: UnknownIssuer",
                true,
            ),
            (wrapped(Box::new(rustls::Error::HandshakeNotComplete)), "handshake not complete", false),
            (Layer("error sending request", None), "", false),
        ] {
            assert_eq!((text(&error).as_str(), is_untrusted(&error)), (expected, untrusted));
        }
    }
}
