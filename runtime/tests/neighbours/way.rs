//! The way to a server, on which the test decides what is met there.

#![expect(clippy::disallowed_methods, reason = "what a test puts up has no supervisor")]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, copy_bidirectional, split};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// What is met at the end of a way.
#[derive(Clone, Debug)]
pub(crate) enum Guise {
    /// Nobody listens yet; so a way may begin.
    Nobody,
    /// This server.
    Server(SocketAddr),
    /// This server, which speaks TLS.
    Encrypted(SocketAddr, Arc<ServerConfig>),
    /// This server, which says the second wherever it says the first; both are of one length.
    Altered(SocketAddr, &'static str, &'static str),
    /// Somebody who says this, whatever he hears.
    Stranger(String),
}

/// An address of loopback. What is met there changes when the test says so, and connections end then.
pub(crate) struct Way {
    address: SocketAddr,
    guise: watch::Sender<Guise>,
    met: Arc<AtomicU64>,
}

impl Way {
    /// An address where this is met.
    pub(crate) fn to(guise: Guise) -> Arc<Self> {
        // Ours from now on, also while nobody listens: who comes then is turned away, and nobody else gets it meanwhile.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let place = if matches!(guise, Guise::Nobody) { Place::Kept(socket) } else { Place::open(socket) };
        let (guise, seen) = watch::channel(guise);
        let met = Arc::new(AtomicU64::new(0));
        tokio::spawn(listen(place, seen, met.clone()));
        Arc::new(Self { address, guise, met })
    }

    /// Where it begins: host and port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this is met.
    pub(crate) fn set(&self, guise: Guise) {
        self.guise.send_replace(guise);
    }

    /// The same, later.
    pub(crate) fn becomes(self: &Arc<Self>, guise: Guise) -> BoxFuture<'static, ()> {
        let way = self.clone();
        Box::pin(async move { way.set(guise) })
    }

    /// How many connections were made.
    pub(crate) fn met(&self) -> u64 {
        self.met.load(Ordering::SeqCst)
    }
}

/// Where a way begins.
enum Place {
    /// Nobody listens.
    Kept(TcpSocket),
    /// Somebody does.
    Open(TcpListener),
}

impl Place {
    fn open(socket: TcpSocket) -> Self {
        Self::Open(socket.listen(1024).unwrap())
    }

    /// The next who comes.
    async fn accept(&self) -> TcpStream {
        match self {
            Self::Kept(_) => std::future::pending().await,
            Self::Open(listener) => listener.accept().await.unwrap().0,
        }
    }
}

/// Listens from when somebody is to be met, as long as the way is there.
async fn listen(mut place: Place, mut seen: watch::Receiver<Guise>, met: Arc<AtomicU64>) {
    loop {
        let guise = seen.borrow_and_update().clone();
        place = match (place, &guise) {
            (Place::Kept(socket), Guise::Nobody) => Place::Kept(socket),
            (Place::Kept(socket), _) => Place::open(socket),
            (Place::Open(_), Guise::Nobody) => panic!("a way on which somebody was met stays open"),
            (open, _) => open,
        };
        let client = tokio::select! {
            client = place.accept() => client,
            changed = seen.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        met.fetch_add(1, Ordering::SeqCst);
        let mut until = seen.clone();
        tokio::spawn(async move {
            tokio::select! {
                // However it ends: the client sees it.
                _ = meet(client, guise) => {}
                _ = until.changed() => {}
            }
        });
    }
}

async fn meet(mut client: TcpStream, guise: Guise) -> io::Result<()> {
    match guise {
        Guise::Nobody => Ok(()),
        Guise::Server(server) => {
            copy_bidirectional(&mut client, &mut TcpStream::connect(server).await?).await.map(drop)
        }
        Guise::Encrypted(server, config) => {
            let mut client = TlsAcceptor::from(config).accept(client).await?;
            copy_bidirectional(&mut client, &mut TcpStream::connect(server).await?).await.map(drop)
        }
        Guise::Altered(server, from, to) => alter(client, TcpStream::connect(server).await?, from, to).await,
        Guise::Stranger(words) => {
            let _heard = client.read(&mut [0; 4096]).await?;
            client.write_all(words.as_bytes()).await?;
            client.shutdown().await
        }
    }
}

/// Passes everything on, and changes what the server says. It says what matters in one piece: it is short.
async fn alter(
    client: impl AsyncRead + AsyncWrite,
    server: TcpStream,
    from: &'static str,
    to: &'static str,
) -> io::Result<()> {
    assert_eq!(from.len(), to.len(), "lengths are told before");
    let ((mut hears, mut says), (mut answers, mut asks)) = (split(client), split(server));
    let back = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = answers.read(&mut buffer).await?;
            if length == 0 {
                return says.shutdown().await;
            }
            let piece = &mut buffer[..length];
            while let Some(at) = piece.windows(from.len()).position(|part| part == from.as_bytes()) {
                piece[at..at + to.len()].copy_from_slice(to.as_bytes());
            }
            says.write_all(piece).await?;
        }
    };
    tokio::try_join!(copy(&mut hears, &mut asks), back).map(drop)
}
