//! Loopback addresses that no other process uses.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// An address on which no process listens, and which stays free for a later listener: all of 127/8 is this machine, and each call picks
/// a random part of it.
pub fn closed_address() -> SocketAddr {
    let mut bytes = [0; 3];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    // Not 127.0.0.x, which other processes use.
    let address = Ipv4Addr::new(127, bytes[0] | 1, bytes[1], bytes[2].clamp(1, 254));
    let listener = TcpListener::bind((address, 0)).expect("every address of 127/8 is this machine's");
    listener.local_addr().expect("it is bound")
}
