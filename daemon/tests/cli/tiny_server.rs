//! An HTTP endpoint of the test's own: it answers as it is told, or never.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What it answers to whatever it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    /// This status, and a metric `work_total` that grows by 10 with each answer.
    Counts { status: u16 },
    /// Status 200, and what this makes of the number of the question.
    Says(fn(u64) -> String),
    /// A redirection to another place.
    Redirects,
    /// An answer without end.
    Floods,
    /// Something that is no HTTP.
    Babbles,
    /// It takes the connection and says nothing.
    Silent,
}

/// The endpoint; it ends with the test.
#[derive(Debug)]
pub(crate) struct TinyServer {
    port: u16,
    asked_count: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl TinyServer {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = Self { port, asked_count: Arc::default(), over: Arc::default() };
        let (asked_count, over) = (Arc::clone(&server.asked_count), Arc::clone(&server.over));
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let asked = asked_count.fetch_add(1, Ordering::Relaxed) + 1;
                // A client that has gone away is none of its business.
                let _ = answer(&stream, manner, asked);
                if matches!(manner, Manner::Silent) {
                    kept.push(stream);
                }
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// How often it was asked.
    pub(crate) fn asked_count(&self) -> u64 {
        self.asked_count.load(Ordering::Relaxed)
    }
}

impl Drop for TinyServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // It looks at the next connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn answer(mut stream: &TcpStream, manner: Manner, asked: u64) -> std::io::Result<()> {
    // Not to hang for ever on a client that does not ask, or does not listen.
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    if matches!(manner, Manner::Silent) {
        return Ok(());
    }
    let _ = stream.read(&mut [0; 1024])?;
    let mut whole = |status: u16, headers: &str, body: &str| {
        let length = body.len();
        write!(stream, "HTTP/1.1 {status} Said\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    };
    match manner {
        Manner::Silent => Ok(()),
        Manner::Babbles => stream.write_all(b"hello, what can I do for you?\n"),
        Manner::Counts { status } => whole(status, "", &format!("# TYPE work counter\nwork_total {}\n", asked * 10)),
        Manner::Says(said) => whole(200, "", &said(asked)),
        Manner::Redirects => whole(302, "Location: /elsewhere\r\n", ""),
        Manner::Floods => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 64 * 1024])?;
            }
        }
    }
}
