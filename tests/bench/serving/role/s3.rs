//! The part of S3 that loaders use: `GET` with ranges, `HEAD`, and a list of keys, for any credentials. The objects are the files of a
//! folder, which the page cache holds and `sendfile` sends without a copy.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

/// Serves `folder`, which has a folder for each bucket; a thread for each connection.
pub(super) fn serve(folder: &str) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    println!("{}", listener.local_addr().expect("it is bound"));
    for connection in listener.incoming().filter_map(Result::ok) {
        let folder = PathBuf::from(folder);
        // A broken connection is the client's affair.
        std::thread::spawn(move || answer(connection, &folder));
    }
}

fn answer(mut connection: TcpStream, folder: &Path) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some(Request { method, path, query, range }) = Request::read(&mut reader)? {
        if query.contains("list-type=2") {
            let body = list(&folder.join(path.trim_matches('/')), &query);
            respond(&mut connection, "200 OK", body.as_bytes())?;
            continue;
        }
        let Ok(mut file) = File::open(folder.join(path.trim_start_matches('/'))) else {
            let body = if method == "HEAD" { "" } else { MISSING };
            respond(&mut connection, "404 Not Found", body.as_bytes())?;
            continue;
        };
        let size = file.metadata()?.len();
        let (status, from, to) = match range {
            Some((from, _)) if from >= size => {
                respond(&mut connection, "416 Range Not Satisfiable", b"")?;
                continue;
            }
            Some((from, to)) => ("206 Partial Content", from, to.min(size - 1)),
            None => ("200 OK", 0, size.max(1) - 1),
        };
        let count = if size == 0 { 0 } else { to - from + 1 };
        write!(
            connection,
            "HTTP/1.1 {status}\r\ncontent-length: {count}\r\naccept-ranges: bytes\r\netag: \"{size:x}\"\r\n\
             content-type: binary/octet-stream\r\nlast-modified: Wed, 01 Jan 2025 00:00:00 GMT\r\n\
             content-range: bytes {from}-{to}/{size}\r\n\r\n"
        )?;
        if method != "HEAD" {
            file.seek(SeekFrom::Start(from))?;
            io::copy(&mut file.take(count), &mut connection)?;
        }
    }
    Ok(())
}

struct Request {
    method: String,
    path: String,
    query: String,
    range: Option<(u64, u64)>,
}

impl Request {
    /// The next request; `None` at the end of the connection.
    fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (mut range, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "range" => {
                    let bounds = value.strip_prefix("bytes=").and_then(|value| value.split_once('-'));
                    range = bounds.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().unwrap_or(u64::MAX))));
                }
                "content-length" => length = value.parse().unwrap_or_default(),
                _ => {}
            }
        }
        io::copy(&mut reader.take(length), &mut io::sink())?;
        Ok(Some(Self { method, path: path.to_owned(), query: query.to_owned(), range }))
    }
}

fn respond(connection: &mut TcpStream, status: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\n\r\n");
    connection.write_all(head.as_bytes())?;
    connection.write_all(body)
}

/// `ListObjectsV2` of one level, which is all that loaders use.
fn list(bucket: &Path, query: &str) -> String {
    let field = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let prefix = field("prefix").unwrap_or_default().replace("%2F", "/");
    let entries = std::fs::read_dir(bucket.join(&prefix)).into_iter().flatten().filter_map(Result::ok);
    let entries = entries.map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            format!("<CommonPrefixes><Prefix>{prefix}{name}/</Prefix></CommonPrefixes>")
        } else {
            format!("<Contents><Key>{prefix}{name}</Key></Contents>")
        }
    });
    let entries: String = entries.collect();
    format!(
        "<?xml version=\"1.0\"?><ListBucketResult><Prefix>{prefix}</Prefix><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
    )
}

const MISSING: &str = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>";
