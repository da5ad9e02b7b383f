//! Binary HTTP: the examples of RFC 9292, the crate `bhttp` both ways, and every cut and flip.

use std::io::Cursor;

use ::bhttp::{Message, Mode, StatusCode};
use amaas_ohttp::bhttp::{
    BhttpError, DecodeLimits, Decoder, DecoderEvent, Encoder, FieldSection, InformationalResponse, MessageEncoding,
    MessageForm, Padding, Request, RequestHead, Response, ResponseHead,
};
use proptest::prelude::*;

use crate::vectors;

fn limits() -> DecodeLimits {
    DecodeLimits::default()
}

fn example_request() -> Request {
    let mut head = RequestHead::new("GET", "https", "", "/hello.txt").expect("control data");
    for (name, value) in [
        ("User-Agent", "curl/7.16.3 libcurl/7.16.3 OpenSSL/0.9.7l zlib/1.2.3"),
        ("Host", "www.example.com"),
        ("Accept-Language", "en, mi"),
    ] {
        head.headers.push(name, value).expect("a field");
    }
    Request::new(head, Vec::new())
}

fn small_response() -> Response {
    let mut head = ResponseHead::new(200).expect("a status");
    head.headers.push("content-type", "text/plain").expect("a field");
    let mut hint = InformationalResponse::new(103).expect("a status");
    hint.headers.push("link", "</style.css>").expect("a field");
    head.informational.push(hint);
    let mut response = Response::new(head, b"hello".to_vec());
    response.trailers.push("digest", "none").expect("a field");
    response
}

#[test]
fn the_requests_of_rfc_9292() {
    let file = vectors::file("rfc9292");
    let expected = example_request();
    let off = MessageEncoding { padding: Padding::Off, ..MessageEncoding::default() };

    let known = vectors::bytes(&file["request_known_length"]);
    assert_eq!(Request::decode(&known, limits()).as_ref(), Ok(&expected));
    assert_eq!(expected.encode(off), known);
    for cut in 1..=2 {
        assert_eq!(Request::decode(&known[..known.len() - cut], limits()).as_ref(), Ok(&expected), "§5.1 allows it");
    }

    let indeterminate = vectors::bytes(&file["request_indeterminate_length"]);
    assert_eq!(Request::decode(&indeterminate, limits()).as_ref(), Ok(&expected));
    let encoded = expected.encode(MessageEncoding { form: MessageForm::IndeterminateLength, ..off });
    assert_eq!(encoded, &indeterminate[..indeterminate.len() - 10], "less its 10 bytes of padding");
    for cut in 1..=12 {
        let cut = &indeterminate[..indeterminate.len() - cut];
        assert_eq!(Request::decode(cut, limits()).as_ref(), Ok(&expected), "§5.1 allows it");
    }
}

#[test]
fn the_responses_of_rfc_9292() {
    let file = vectors::file("rfc9292");
    let bytes = vectors::bytes(&file["response_indeterminate_length"]);
    let response = Response::decode(&bytes, limits()).expect("a response");
    let statuses: Vec<_> = response.head.informational.iter().map(InformationalResponse::status).collect();
    assert_eq!((statuses, response.head.status()), (vec![102, 103], 200));
    assert_eq!(response.head.informational[1].headers.len(), 2);
    assert_eq!(response.head.headers.value("content-length"), Some(&b"51"[..]));
    assert_eq!(response.content, b"Hello World! My content includes a trailing CRLF.\r\n");
    assert_eq!(
        response.encode(MessageEncoding { form: MessageForm::IndeterminateLength, padding: Padding::Off }),
        bytes
    );

    let bytes = vectors::bytes(&file["response_known_length"]);
    let response = Response::decode(&bytes, limits()).expect("a response");
    assert_eq!(response.content, b"This content contains CRLF.\r\n");
    assert_eq!(response.trailers.value("trailer"), Some(&b"text"[..]));
    assert_eq!(response.encode(MessageEncoding { padding: Padding::Off, ..MessageEncoding::default() }), bytes);
}

#[test]
fn their_decoder_reads_what_ours_writes() {
    for form in [MessageForm::KnownLength, MessageForm::IndeterminateLength] {
        for padding in [Padding::Bucket, Padding::Off] {
            let bytes = example_request().encode(MessageEncoding { form, padding });
            let message = Message::read_bhttp(&mut Cursor::new(&bytes)).expect("a message");
            assert_eq!(message.control().path(), Some(&b"/hello.txt"[..]));
            assert_eq!(message.header().get(b"host"), Some(&b"www.example.com"[..]));

            let bytes = small_response().encode(MessageEncoding { form, padding });
            let message = Message::read_bhttp(&mut Cursor::new(&bytes)).expect("a message");
            assert_eq!(message.control().status().map(StatusCode::code), Some(200));
            assert_eq!((message.content(), message.informational().len()), (&b"hello"[..], 1));
            assert_eq!(message.trailer().get(b"digest"), Some(&b"none"[..]));
        }
    }
}

#[test]
fn our_decoder_reads_what_theirs_writes() {
    for mode in [Mode::KnownLength, Mode::IndeterminateLength] {
        let [method, scheme, authority, path] = ["POST", "https", "api.example", "/v2?a=b"].map(Into::into);
        let mut message = Message::request(method, scheme, authority, path);
        message.put_header("Content-Type", "text/plain");
        message.write_content(b"one ");
        message.write_content(b"two");
        message.put_trailer("digest", "none");
        let mut bytes = Vec::new();
        message.write_bhttp(mode, &mut bytes).expect("a message");
        let request = Request::decode(&bytes, limits()).expect("a request");
        assert_eq!((request.head.authority(), request.head.path()), ("api.example", "/v2?a=b"));
        assert_eq!(request.head.headers.value("content-type"), Some(&b"text/plain"[..]), "in lower case");
        assert_eq!((request.content.as_slice(), request.trailers.len()), (&b"one two"[..], 1));
    }
}

#[test]
fn any_cut_of_the_bytes_gives_the_same_events() {
    for form in [MessageForm::KnownLength, MessageForm::IndeterminateLength] {
        let bytes = small_response().encode(MessageEncoding { form, padding: Padding::Bucket });
        for step in 1..bytes.len() {
            let mut decoder = Decoder::<ResponseHead>::new(limits());
            let mut events = Vec::new();
            for piece in bytes.chunks(step) {
                events.extend(decoder.push(piece).expect("events"));
            }
            events.extend(decoder.finish().expect("an end"));
            let content: Vec<u8> = events
                .iter()
                .filter_map(|event| if let DecoderEvent::Content(piece) = event { Some(piece.clone()) } else { None })
                .flatten()
                .collect();
            assert_eq!(content, b"hello");
            assert_eq!(events.first(), Some(&DecoderEvent::Head(small_response().head)));
            assert_eq!(events.last(), Some(&DecoderEvent::End(small_response().trailers)));
        }
    }
}

#[test]
fn a_message_may_end_only_between_its_parts() {
    // Bytes that end the control data, the header section and the content, by form.
    for (form, ends) in [(MessageForm::KnownLength, 3), (MessageForm::IndeterminateLength, 3)] {
        let head = RequestHead::new("GET", "https", "a.example", "/").expect("control data");
        let bytes = Request::new(head, Vec::new()).encode(MessageEncoding { form, padding: Padding::Off });
        let whole: Vec<_> = (0..bytes.len()).filter(|cut| Request::decode(&bytes[..*cut], limits()).is_ok()).collect();
        assert_eq!(whole, (bytes.len() - ends..bytes.len()).collect::<Vec<_>>());

        let mut response = small_response();
        response.head.informational.clear();
        let bytes = response.encode(MessageEncoding { form, padding: Padding::Off });
        let whole: Vec<_> = (0..bytes.len()).filter(|cut| Response::decode(&bytes[..*cut], limits()).is_ok()).collect();
        let after_status = 3;
        let after_headers = after_status + 1 + "content-type".len() + 1 + "text/plain".len() + 1;
        let after_content = after_headers + 1 + b"hello".len() + usize::from(form == MessageForm::IndeterminateLength);
        assert_eq!(whole, [after_status, after_headers, after_content], "{form:?}");
    }
}

#[test]
fn each_broken_rule_is_named() {
    use BhttpError as E;
    let cases: [(&[u8], E); 14] = [
        (b"", E::Truncated("the framing indicator")),
        (b"\x02\x03GET", E::Framing { found: 2, known: 1, indeterminate: 3 }),
        (b"\x40", E::Truncated("the framing indicator")),
        (b"\x01", E::Truncated("control data")),
        (b"\x01\x40\x63", E::Status(99)),
        (b"\x01\x42\x58", E::Status(600)),
        (b"\x01\xc0\x00\x00\x00\x00\x01\x00\x00", E::Status(65_536)),
        (b"\x01\x40\x64\x00", E::Truncated("control data")),
        (b"\x01\x40\xc8\x02\x01a", E::FieldOverrun),
        (b"\x01\x40\xc8\x02\x00\x00", E::FieldName),
        (b"\x01\x40\xc8\x08\x05:path\x01/", E::PseudoField),
        (b"\x01\x40\xc8\x00\x05hell", E::Truncated("the content")),
        (b"\x03\x40\xc8\x00\x05hello", E::Truncated("the content")),
        (b"\x01\x40\xc8\x00\x00\x00\x00\x01", E::Padding),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Response::decode(bytes, limits()), Err(expected), "{bytes:02x?}");
    }
    for (bytes, part) in [
        (&b"\x00\x07CONNECT\x05https\x01a\x01/"[..], "method"),
        (b"\x00\x03G T\x05https\x01a\x01/", "method"),
        (b"\x00\x03GET\x00\x01a\x01/", "scheme"),
        (b"\x00\x03GET\x05https\x03a/b\x01/", "authority"),
        (b"\x00\x03GET\x05https\x01a\x00", "path"),
        (b"\x00\x03GET\x05https\x01a\x02/\xff", "path"),
    ] {
        assert_eq!(Request::decode(bytes, limits()), Err(E::Control(part)), "{bytes:02x?}");
    }
}

#[test]
fn limits_hold_before_the_bytes_arrive() {
    let limits = DecodeLimits { head: 32, content: 8, ..DecodeLimits::default() };
    for huge in [
        &b"\x00\xff\xff\xff\xff\xff\xff\xff\xff"[..],
        b"\x00\x03GET\x40\x80",
        b"\x00\x03GET\x05https\x01a\x01/\x3f",
        b"\x02\x03GET\x05https\x01a\x01/\x01a\x20",
    ] {
        let error = Decoder::<RequestHead>::new(limits).push(huge).expect_err("too large");
        assert_eq!(error, BhttpError::HeadTooLarge { limit: 32 });
    }
    let error = Decoder::<ResponseHead>::new(limits).push(b"\x01\x40\xc8\x00\x09").expect_err("too large");
    assert_eq!(error, BhttpError::ContentTooLarge { limit: 8 });
    let mut decoder = Decoder::<ResponseHead>::new(limits);
    decoder.push(b"\x03\x40\xc8\x00\x04four\x04more").expect("eight bytes");
    assert_eq!(decoder.push(b"\x01"), Err(BhttpError::ContentTooLarge { limit: 8 }), "chunks add up");
    assert_eq!(decoder.push(b""), Err(BhttpError::ContentTooLarge { limit: 8 }), "an error stays");
    assert_eq!(decoder.finish(), Err(BhttpError::ContentTooLarge { limit: 8 }));
    // InformationalResponse responses come out of the same budget, so that there cannot be many.
    let endless = b"\x40\x64\x00".repeat(11);
    let error = Decoder::<ResponseHead>::new(limits).push(&[b"\x01", &endless[..]].concat()).expect_err("too many");
    assert_eq!(error, BhttpError::HeadTooLarge { limit: 32 });
}

#[test]
fn lines_are_counted_in_both_forms() {
    let limits = DecodeLimits { lines: 3, ..DecodeLimits::default() };
    let control = &b"\x03GET\x05https\x00\x01/"[..];
    let lines = |count: usize| b"\x01a\x01b".repeat(count);
    for (headers, trailers, taken) in
        [(3, 0, true), (0, 3, true), (2, 1, true), (4, 0, false), (0, 4, false), (2, 2, false)]
    {
        let known = |count: usize| [&[u8::try_from(count * 4).expect("few")][..], &lines(count)].concat();
        let (known, open) = (
            [&b"\x00"[..], control, &known(headers), b"\x00", &known(trailers)].concat(),
            [&b"\x02"[..], control, &lines(headers), b"\x00\x00", &lines(trailers), b"\x00"].concat(),
        );
        for bytes in [known, open] {
            let expected = if taken { Ok(headers + trailers) } else { Err(BhttpError::TooManyLines { limit: 3 }) };
            let found = Request::decode(&bytes, limits).map(|found| found.head.headers.len() + found.trailers.len());
            assert_eq!(found, expected, "{bytes:02x?}");
        }
    }
    let hints = |count: usize| [&b"\x01"[..], &b"\x40\x64\x00".repeat(count), b"\x40\xc8\x00\x00\x00"].concat();
    assert_eq!(Response::decode(&hints(3), limits).expect("three").head.informational.len(), 3);
    assert_eq!(Response::decode(&hints(4), limits), Err(BhttpError::TooManyLines { limit: 3 }));
}

#[test]
fn chunks_of_one_byte_become_one_piece_of_content() {
    const COUNT: usize = 200_000;
    let head = RequestHead::new("POST", "https", "", "/").expect("a head");
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&head, &mut bytes);
    for index in 0..COUNT {
        encoder.chunk(&[u8::try_from(index % 251).expect("a byte")], &mut bytes);
    }
    encoder.end(&FieldSection::default(), Padding::Off, &mut bytes);
    let mut decoder = Decoder::<RequestHead>::new(limits());
    let events = decoder.push(&bytes).expect("whole");
    let [DecoderEvent::Head(_), DecoderEvent::Content(content)] = &events[..] else {
        panic!("{} events", events.len())
    };
    assert_eq!((content.len(), content[252]), (COUNT, 1));
    assert!(content.capacity() <= bytes.len(), "{} bytes for a message of {}", content.capacity(), bytes.len());
    // As they come: no push gives more than one piece.
    let mut decoder = Decoder::<RequestHead>::new(limits());
    let mut pieces = bytes.chunks(1000).map(|piece| decoder.push(piece).expect("a piece").len());
    assert!(pieces.all(|events| events <= 2));
}

#[test]
fn an_over_long_varint_is_lawful_here() {
    let response = Response::decode(b"\x40\x01\x80\x00\x00\xc8\x40\x00\x40\x02hi", limits()).expect("a response");
    assert_eq!((response.head.status(), response.content.as_slice()), (200, &b"hi"[..]));
}

#[test]
fn an_empty_chunk_does_not_end_the_content() {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&ResponseHead::new(200).expect("a status"), &mut bytes);
    for piece in [&b"a"[..], b"", b"b"] {
        encoder.chunk(piece, &mut bytes);
    }
    encoder.end(&FieldSection::default(), Padding::Bucket, &mut bytes);
    assert_eq!(bytes.len(), 32);
    assert_eq!(Response::decode(&bytes, limits()).expect("a response").content, b"ab");
}

#[test]
fn debug_shows_no_value_and_no_content() {
    let mut request = example_request();
    request.head.headers.push("authorization", "Bearer canary").expect("a field");
    request.content = b"canary".to_vec();
    assert!(!format!("{request:?}").contains("canary"), "{request:?}");
}

fn any_fields() -> impl Strategy<Value = FieldSection> {
    proptest::collection::vec(("[a-zA-Z0-9-]{1,12}", "[!-~]{0,24}"), 0..6).prop_map(|lines| {
        let mut fields = FieldSection::default();
        for (name, value) in lines {
            fields.push(name, value).expect("a field");
        }
        fields
    })
}

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), framing in 0_u8..4) {
        let _ = Request::decode(&bytes, limits());
        let _ = Response::decode(&bytes, limits());
        let framed = [&[framing, 0x40, 0xc8][..], &bytes].concat();
        let _ = Response::decode(&framed, limits());
        let framed = [&[framing], &b"\x03GET\x05https\x00\x01/"[..], &bytes].concat();
        let _ = Request::decode(&framed, limits());
    }

    #[test]
    fn what_is_encoded_is_decoded(
        headers in any_fields(),
        trailers in any_fields(),
        content in proptest::collection::vec(any::<u8>(), 0..300),
        indeterminate in any::<bool>(),
        step in 1_usize..64,
    ) {
        let form = if indeterminate { MessageForm::IndeterminateLength } else { MessageForm::KnownLength };
        let mut head = RequestHead::new("POST", "https", "a.example", "/x").expect("control data");
        head.headers = headers;
        let request = Request { head, content, trailers };
        let bytes = request.encode(MessageEncoding { form, padding: Padding::Bucket });
        prop_assert_eq!(Request::decode(&bytes, limits()), Ok(request.clone()));
        let mut decoder = Decoder::<RequestHead>::new(limits());
        for piece in bytes.chunks(step) {
            decoder.push(piece).expect("events");
        }
        prop_assert_eq!(decoder.finish(), Ok(vec![DecoderEvent::End(request.trailers)]));
    }
}
