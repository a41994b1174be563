//! A TCP proxy that spoils connections on purpose, to show what a client does about it.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracardi_machine::{Error, Result};

use crate::address::Claim;

/// What the proxy does to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: every byte goes through, in both directions.
    #[default]
    None,
    /// Each piece that is passed on, in either direction, waits this long first.
    Delay(Duration),
    /// The connection is cut after this many bytes from the client have been passed on: the server may have got a
    /// request of which the client never sees the answer.
    CutAfterSent(u64),
    /// The connection is cut after this many bytes from the server have been passed on.
    CutAfterReceived(u64),
    /// The connection is accepted and closed at once.
    Refuse,
    /// The connection is accepted, what comes is swallowed, and nothing ever comes back.
    Blackhole,
}

/// Passes connections on to a server and does to them what the test says. Dropping it cuts them all.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    claim: Claim,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where connections lead; nowhere yet means that they are closed at once.
    target: Option<SocketAddr>,
    /// For connections to come and for those that are open.
    standing: Fault,
    /// For the next connections, one each, before `standing` counts for them.
    script: VecDeque<Fault>,
    /// Both ends of each open connection, to cut it.
    open: Vec<(u64, TcpStream)>,
    /// Connections so far.
    accepted: u64,
    /// While it is away nobody listens.
    closed: bool,
}

impl Proxy {
    /// A proxy before `target`. It listens on the target's port at an address of its own.
    pub fn to(target: SocketAddr) -> Result<Proxy> {
        let proxy = Proxy::listening(target.port())?;
        proxy.lead_to(target);
        Ok(proxy)
    }

    /// A proxy at an address of its own that leads nowhere yet; for servers that must know it when they start
    /// ([`crate::Options::announce`]).
    pub fn listening(port: u16) -> Result<Proxy> {
        let claim = Claim::new(None)?;
        let address = SocketAddr::from((claim.address, port));
        let proxy = Proxy { shared: Arc::default(), address, claim };
        proxy.listen()?;
        Ok(proxy)
    }

    /// New connections lead there.
    pub fn lead_to(&self, target: SocketAddr) {
        self.shared.state().target = Some(target);
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this is done to every connection, also to those that are open.
    pub fn set(&self, fault: Fault) {
        self.shared.state().standing = fault;
    }

    /// The next connections get one of these each, in order; those after them get what [`Proxy::set`] says.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.state().script.extend(faults);
    }

    /// Ends all connections that are open.
    pub fn cut(&self) {
        let open = std::mem::take(&mut self.shared.state().open);
        for (_, stream) in &open {
            end(stream);
        }
    }

    /// Nobody listens any more: new connections are refused by the kernel, open ones are cut.
    pub fn close(&self) {
        self.shared.state().closed = true;
        self.wake();
        self.cut();
    }

    /// Listens again after [`Proxy::close`].
    pub fn open(&self) -> Result<()> {
        self.shared.state().closed = false;
        self.listen()
    }

    /// Connections that were accepted so far.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.state().accepted
    }

    fn listen(&self) -> Result<()> {
        let listener = TcpListener::bind(self.address).map_err(|error| {
            Error::unmet(format!("cannot listen on {}: {error}", self.address), "`close` the proxy before it is opened")
        })?;
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || accept(&shared, &listener));
        Ok(())
    }

    /// Makes the listening thread look whether it is to end, and waits until it has.
    fn wake(&self) {
        // Each attempt is either accepted, and the thread sees that it is over, or refused: it has ended.
        while TcpStream::connect((self.claim.address, self.address.port())).is_ok() {}
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that is done under the lock can be half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is done to a connection whose script said `own`.
    fn fault(&self, own: Option<Fault>) -> Fault {
        own.unwrap_or_else(|| self.state().standing)
    }

    /// Begins a connection; its number and what the script has for it. `None` when nobody listens any more.
    fn begin(&self) -> Option<(u64, Option<Fault>)> {
        let mut state = self.state();
        if state.closed {
            return None;
        }
        state.accepted += 1;
        let number = state.accepted;
        Some((number, state.script.pop_front()))
    }

    /// Keeps a stream to be cut, unless everything has been cut meanwhile.
    fn keep(&self, number: u64, stream: &TcpStream) -> io::Result<()> {
        let copy = stream.try_clone()?;
        let mut state = self.state();
        if state.closed {
            return Err(io::ErrorKind::NotConnected.into());
        }
        state.open.push((number, copy));
        Ok(())
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    for client in listener.incoming().flatten() {
        let Some((number, own)) = shared.begin() else { return };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // A target that does not answer looks to the client like a connection that is closed at once.
            let _ = pass(&shared, number, own, &client);
            shared.state().open.retain(|(other, _)| *other != number);
            let _ = client.shutdown(Shutdown::Both);
        });
    }
}

/// Passes one connection on until both sides have ended or it is cut.
fn pass(shared: &Arc<Shared>, number: u64, own: Option<Fault>, client: &TcpStream) -> io::Result<()> {
    if shared.fault(own) == Fault::Refuse {
        return Ok(());
    }
    shared.keep(number, client)?;
    if shared.fault(own) == Fault::Blackhole {
        // The server does not hear of it, as with a host that is gone.
        let mut sink = [0; 4096];
        let mut client = client;
        while shared.fault(own) == Fault::Blackhole && client.read(&mut sink)? > 0 {}
        return Ok(());
    }
    let target = shared.state().target.ok_or(io::ErrorKind::NotConnected)?;
    let server = TcpStream::connect(target)?;
    shared.keep(number, &server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (there, back) = (Direction::Sent, Direction::Received);
    thread::scope(|scope| {
        let sending = scope.spawn(|| copy(shared, own, there, client, &server));
        let received = copy(shared, own, back, &server, client);
        sending.join().unwrap_or(Ok(())).and(received)
    })
}

#[derive(Clone, Copy)]
enum Direction {
    Sent,
    Received,
}

/// Copies one direction to its end, doing what the fault of the moment says.
fn copy(
    shared: &Shared,
    own: Option<Fault>,
    direction: Direction,
    mut from: &TcpStream,
    mut to: &TcpStream,
) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    let mut passed = 0_u64;
    loop {
        let length = from.read(&mut buffer)?;
        let mut piece = buffer.get(..length).unwrap_or_default();
        let fault = shared.fault(own);
        let limit = match (fault, direction) {
            (Fault::CutAfterSent(limit), Direction::Sent) | (Fault::CutAfterReceived(limit), Direction::Received) => {
                limit
            }
            _ => u64::MAX,
        };
        match fault {
            Fault::Delay(time) => thread::sleep(time),
            Fault::Blackhole if length > 0 => continue,
            Fault::Refuse => {
                end(from);
                end(to);
                return Ok(());
            }
            _ => {}
        }
        let left = usize::try_from(limit.saturating_sub(passed)).unwrap_or(usize::MAX);
        piece = piece.get(..left).unwrap_or(piece);
        to.write_all(piece)?;
        passed += piece.len() as u64;
        if passed >= limit {
            end(from);
            end(to);
            return Ok(());
        }
        if length == 0 {
            return to.shutdown(Shutdown::Write);
        }
    }
}

/// Ends a connection at once in both directions; it may have ended already.
fn end(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says back what it hears, for as many connections as come.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || io::copy(&mut &stream, &mut &stream));
            }
        });
        address
    }

    /// What comes back when these bytes are sent and nothing more.
    fn said(proxy: &Proxy, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(proxy.address())?;
        stream.write_all(bytes)?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn without_a_fault_everything_goes_through() {
        let proxy = Proxy::to(echo()).unwrap();
        let long: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
        // A second thread would be needed to send more than the buffers hold; pieces will do.
        for piece in long.chunks(50_000) {
            assert_eq!(said(&proxy, piece).unwrap(), piece);
        }
        proxy.set(Fault::Delay(Duration::from_millis(1)));
        assert_eq!(said(&proxy, b"late").unwrap(), b"late");
    }

    #[test]
    fn connections_get_the_faults_of_the_script_one_each() {
        let proxy = Proxy::to(echo()).unwrap();
        proxy.script([Fault::CutAfterReceived(3), Fault::CutAfterSent(2), Fault::Refuse]);
        // The rest may look like an end or like a reset; what came before it counts.
        assert!(said(&proxy, b"hello").is_ok_and(|answer| answer == b"hel"));
        assert!(said(&proxy, b"hello").is_ok_and(|answer| answer.len() <= 2));
        assert!(said(&proxy, b"hello").map_or(true, |answer| answer.is_empty()));
        assert_eq!(said(&proxy, b"hello").unwrap(), b"hello");
    }

    #[test]
    fn a_black_hole_answers_nothing_until_it_is_cut() {
        let proxy = Proxy::to(echo()).unwrap();
        proxy.set(Fault::Blackhole);
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.write_all(b"hello").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let error = stream.read(&mut [0; 8]).unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{error}");
        stream.set_read_timeout(None).unwrap();
        proxy.cut();
        assert!(stream.read(&mut [0; 8]).is_ok_and(|length| length == 0));
    }

    #[test]
    fn a_closed_proxy_is_refused_and_opens_again() {
        let proxy = Proxy::to(echo()).unwrap();
        assert_eq!(said(&proxy, b"one").unwrap(), b"one");
        proxy.close();
        assert_eq!(TcpStream::connect(proxy.address()).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        proxy.open().unwrap();
        assert_eq!(said(&proxy, b"two").unwrap(), b"two");
        assert_eq!(proxy.accepted(), 2);
    }
}
