//! The TCP sockets of a process, as Linux lists them.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

/// A TCP socket over IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Socket {
    /// The local end.
    pub local: SocketAddr,
    /// The remote end; 0.0.0.0:0 if it listens.
    pub remote: SocketAddr,
    /// Whether it listens.
    pub listens: bool,
}

/// The open sockets of the process `pid`. Our programs use no IPv6; an IPv6 socket panics.
pub fn of(pid: i32) -> Vec<Socket> {
    let inodes = inodes(pid);
    assert!(rows(pid, "tcp6").iter().all(|row| !inodes.contains(row.inode())), "no socket over IPv6");
    rows(pid, "tcp").iter().filter(|row| inodes.contains(row.inode())).map(Row::socket).collect()
}

/// Inodes of every open socket of the process.
fn inodes(pid: i32) -> BTreeSet<String> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the process is running");
    let links = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect()
}

/// `/proc/net/tcp`, which lists the sockets of all processes (proc(5)).
fn rows(pid: i32, table: &str) -> Vec<Row> {
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
    table.lines().skip(1).map(|line| Row(line.split_whitespace().map(str::to_owned).collect())).collect()
}

struct Row(Vec<String>);

impl Row {
    fn inode(&self) -> &str {
        &self.0[9]
    }

    fn socket(&self) -> Socket {
        Socket { local: address(&self.0[1]), remote: address(&self.0[2]), listens: self.0[3] == LISTEN }
    }
}

/// `0100007F:1F90`: the address in the machine's byte order, then the port.
fn address(text: &str) -> SocketAddr {
    let (address, port) = text.split_once(':').expect("an address and a port");
    let address = u32::from_str_radix(address, 16).expect("an address in hexadecimal digits");
    let port = u16::from_str_radix(port, 16).expect("a port in hexadecimal digits");
    (Ipv4Addr::from(address.to_ne_bytes()), port).into()
}

const LISTEN: &str = "0A";
