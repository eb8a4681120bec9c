//! Clients that mean harm, and clients that only take their time.

use std::io::{Read, Write};
use std::time::Duration;

use super::served::{PATIENCE, Served, rest, status};
use crate::service::api::connection::CONNECTIONS;

#[test]
fn a_page_of_another_site_gets_nothing_and_changes_nothing() {
    let served = Served::new();
    let host = format!("host: {}", served.address);
    let token = format!("authorization: Bearer {}", served.token.as_str());
    assert_eq!(served.status_of(&format!("GET /api/v1/status HTTP/1.1\r\n{host}")), 200);
    // Its own name resolves to this address.
    assert_eq!(served.status_of("GET /api/v1/status HTTP/1.1\r\nhost: evil.example"), 421);
    assert_eq!(served.status_of(&format!("GET http://evil.example/api/v1/status HTTP/1.1\r\n{host}")), 421);
    // A script of it asks.
    for site in ["origin: http://evil.example", "origin: null", "sec-fetch-site: cross-site"] {
        let head = format!("GET /api/v1/status HTTP/1.1\r\n{host}\r\n{site}");
        let answer = served.raw(format!("{head}\r\nconnection: close\r\n\r\n").as_bytes());
        assert_eq!(status(&answer), 403, "{answer}");
        assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
    }
    // A form of it posts, with and without what a form can have.
    let post = |headers: &str| {
        served.status_of(&format!("POST /api/v1/jobs HTTP/1.1\r\n{host}\r\ncontent-length: 0\r\n{headers}"))
    };
    assert_eq!(post("content-type: text/plain"), 401);
    assert_eq!(post(&format!("{token}\r\ncontent-type: text/plain")), 415);
    assert_eq!(post(&format!("{token}\r\ncontent-type: application/json\r\norigin: http://evil.example")), 403);
    assert_eq!(post("content-type: application/json\r\nauthorization: Bearer guess"), 401);
    assert_eq!(served.handle.board().status().queue, []);
    assert_eq!(served.status_of(&format!("OPTIONS /api/v1/jobs HTTP/1.1\r\n{host}")), 405);
}

#[test]
fn whoever_has_the_token_may_change_something_over_tcp() {
    let served = Served::new();
    let (host, token) = (served.address, served.token.as_str());
    let head = format!("POST /api/v1/jobs HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n");
    let answer = served.raw(
        format!("{head}content-type: application/json\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}")
            .as_bytes(),
    );
    assert_eq!(status(&answer), 201, "{answer}");
    for header in ["cache-control: no-store", "x-content-type-options: nosniff", "location: /api/v1/jobs/1"] {
        assert!(answer.contains(header), "{answer}");
    }
}

#[test]
fn a_body_without_end_is_cut_off_whether_it_says_so_or_not() {
    let served = Served::new();
    let (host, token) = (served.address, served.token.as_str());
    let head = format!(
        "POST /api/v1/jobs HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nconnection: close\r\n"
    );
    assert_eq!(status(&served.raw(format!("{head}content-length: 99999999999\r\n\r\n").as_bytes())), 413);
    let mut chunked = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
    let chunk = [b"1000\r\n".as_slice(), &[b' '; 0x1000], b"\r\n"].concat();
    (0..17).for_each(|_| chunked.extend_from_slice(&chunk));
    assert_eq!(status(&served.raw(&chunked)), 413);
    assert_eq!(served.get("/api/v1/health").status, 200);
}

#[test]
fn a_client_that_takes_its_time_is_let_go() {
    let served = Served::with(|settings| settings.timeout = Duration::from_millis(200));
    let (host, token) = (served.address, served.token.as_str());
    // Nothing at all, half a head, and a kept connection without a further request.
    assert_eq!(rest(&mut served.connect()), "");
    let mut half = served.connect();
    half.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: loc").unwrap();
    let answer = rest(&mut half);
    assert!(answer.is_empty() || status(&answer) == 408, "{answer}");
    let mut kept = served.connect();
    kept.write_all(format!("GET /api/v1/health HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(status(&rest(&mut kept)), 200);
    // Half a body.
    let answer = served.raw(
        format!(
            "POST /api/v1/jobs HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: 20\r\n\r\n{{\"pro"
        )
        .as_bytes(),
    );
    assert_eq!(status(&answer), 408, "{answer}");
}

#[test]
fn who_takes_all_places_of_one_way_in_leaves_the_other() {
    let served = Served::new();
    // Each is accepted once it is answered.
    let held: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let mut stream = served.connect();
            stream
                .write_all(format!("HEAD /api/v1/health HTTP/1.1\r\nhost: {}\r\n\r\n", served.address).as_bytes())
                .unwrap();
            let mut first = [0; 12];
            stream.read_exact(&mut first).unwrap();
            assert_eq!(&first, b"HTTP/1.1 200");
            stream
        })
        .collect();
    let refused = rest(&mut served.connect());
    assert_eq!(status(&refused), 503, "{refused}");
    assert_eq!(served.get("/api/v1/health").status, 200);
    drop(held);
    // Places are free again as soon as it has been seen that they are.
    let began = std::time::Instant::now();
    while served.status_of(&format!("GET /api/v1/health HTTP/1.1\r\nhost: {}", served.address)) != 200 {
        assert!(began.elapsed() < PATIENCE, "no place is free");
        std::thread::sleep(Duration::from_millis(5));
    }
}
