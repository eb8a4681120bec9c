//! Events as they happen.

use std::io::Read;
use std::io::Write;
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;

use super::served::{PATIENCE, Served};
use crate::service::api::shared::FOLLOWERS;
use crate::service::status::LiveEvent;

#[test]
fn a_follower_gets_the_status_and_then_what_happens() {
    let served = Served::new();
    let mut text = String::new();
    let mut is_told = false;
    served.follow(|piece| {
        text.push_str(&String::from_utf8_lossy(piece));
        if !is_told {
            // It follows, since the status has come.
            is_told = true;
            served.handle.board().tell(LiveEvent::RunEnded { id: "20261126-000000-demo-0000".to_owned() });
        }
        if text.contains("event: run_ended") { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(text.starts_with("retry: 2000\nevent: status\ndata: {\"daemon\":{"), "{text}");
    let told = "\n\nevent: run_ended\ndata: {\"event\":\"run_ended\",\"id\":\"20261126-000000-demo-0000\"}\n\n";
    assert!(text.ends_with(told), "{text}");
}

fn following(served: &Served) -> UnixStream {
    let mut stream = UnixStream::connect(&served.socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

#[test]
fn a_follower_that_cannot_keep_up_is_told_to_start_over() {
    let served = Served::new();
    let mut stream = following(&served);
    // More than all the buffers on the way hold: the rest is missed.
    let id = "x".repeat(1000);
    (0..4000).for_each(|_| served.handle.board().tell(LiveEvent::RunEnded { id: id.clone() }));
    let mut text = Vec::new();
    stream
        .read_to_end(&mut text)
        .map(drop)
        .or_else(|error| match error.kind() {
            std::io::ErrorKind::ConnectionReset => Ok(()),
            _ => Err(error),
        })
        .unwrap_or_else(|error| panic!("it goes on: {error}"));
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("event: start_over\ndata: {\"missed_count\":"), "{} bytes", text.len());
}

#[test]
fn followers_are_limited_and_none_holds_up_the_end() {
    let mut served = Served::new();
    let held: Vec<_> = (0..FOLLOWERS).map(|_| following(&served)).collect();
    assert_eq!(served.get("/api/v1/events").status, 429);
    assert_eq!(served.get("/api/v1/health").status, 200);
    served.stop();
    assert!(!served.socket.exists());
    assert_eq!(held.len(), FOLLOWERS);
}
