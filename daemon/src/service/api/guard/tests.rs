//! Who is let in and who is not.

use axum::http::Request;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn guard() -> Guard {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, SECRET).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    Guard { token: Token::load(&path).unwrap(), hosts: vec!["soak.example.org".to_owned()], own_uid: 1000 }
}

fn over_tcp(at: &str) -> Caller {
    let at: IpAddr = at.parse().unwrap();
    Caller::Tcp { from: SocketAddr::new(at, 50_000), at, is_public: !at.is_loopback() }
}

fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// The status with which a request is refused; `None` for one that is let in.
fn refused(caller: &Caller, method: &str, headers: &[(&str, &str)]) -> Option<u16> {
    refused_at(caller, method, "/api/v1/jobs", headers)
}

fn refused_at(caller: &Caller, method: &str, uri: &str, headers: &[(&str, &str)]) -> Option<u16> {
    guard().check(caller, &request(method, uri, headers)).err().map(|problem| problem.status.as_u16())
}

const JSON: (&str, &str) = ("content-type", "application/json");
const HOST: (&str, &str) = ("host", "localhost:7625");

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn reading_on_the_loopback_needs_no_token_but_a_host_of_this_service() {
    let caller = over_tcp("127.0.0.1");
    for host in [
        "localhost",
        "LOCALHOST:7625",
        "127.0.0.1:7625",
        "127.3.2.1",
        "[::1]:7625",
        "soak.example.org",
        "[::ffff:127.0.0.1]",
    ] {
        assert_eq!(refused(&caller, "GET", &[("host", host)]), None, "{host}");
    }
    let rebound = [
        "evil.example",
        "evil.example:7625",
        "localhost.evil.example",
        "192.168.1.7",
        "",
        "me@localhost",
        "a b",
        "127.0.0.1.evil",
    ];
    for host in rebound {
        assert_eq!(refused(&caller, "GET", &[("host", host)]), Some(421), "{host}");
    }
    assert_eq!(refused(&caller, "GET", &[]), Some(400));
    assert_eq!(refused(&caller, "GET", &[HOST, HOST]), Some(400));
    // The name in a whole address counts too.
    assert_eq!(refused_at(&caller, "GET", "http://evil.example/api/v1/jobs", &[HOST]), Some(421));
}

#[test]
fn a_change_over_tcp_needs_the_token() {
    let caller = over_tcp("127.0.0.1");
    assert_eq!(refused(&caller, "POST", &[HOST, JSON]), Some(401));
    assert_eq!(refused(&caller, "DELETE", &[HOST, JSON]), Some(401));
    assert_eq!(refused(&caller, "POST", &[HOST, JSON, ("authorization", &bearer(SECRET))]), None);
    assert_eq!(refused(&caller, "POST", &[HOST, JSON, ("authorization", &bearer(SECRET).to_lowercase())]), None);
    for wrong in ["", "Bearer", "Bearer ", SECRET, &bearer(&SECRET[1..]), &format!("Basic {SECRET}")] {
        assert_eq!(refused(&caller, "POST", &[HOST, JSON, ("authorization", wrong)]), Some(401), "{wrong}");
    }
}

#[test]
fn where_others_can_connect_reading_needs_the_token_too() {
    let caller = over_tcp("192.0.2.7");
    let host = ("host", "192.0.2.7:7625");
    assert_eq!(refused(&caller, "GET", &[host]), Some(401));
    assert_eq!(refused(&caller, "GET", &[host, ("authorization", &bearer(SECRET))]), None);
}

#[test]
fn a_browser_reads_with_the_token_as_password_and_changes_nothing_with_it() {
    // `anybody:` and the token.
    const BASIC: &str = "Basic YW55Ym9keTowMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==";
    let (caller, host) = (over_tcp("192.0.2.7"), ("host", "192.0.2.7:7625"));
    assert_eq!(refused(&caller, "GET", &[host, ("authorization", BASIC)]), None);
    assert_eq!(refused(&caller, "POST", &[host, JSON, ("authorization", BASIC)]), Some(401));
    for wrong in ["Basic", "Basic !", "Basic YW55Ym9keTo=", "Basic YW55Ym9keQ=="] {
        assert_eq!(refused(&caller, "GET", &[host, ("authorization", wrong)]), Some(401), "{wrong}");
    }
    assert_eq!(base64(b"YW55").as_deref(), Some(b"any".as_slice()));
    assert_eq!(base64(b"YQ==").as_deref(), Some(b"a".as_slice()));
}

#[test]
fn over_the_socket_the_user_at_its_other_end_counts() {
    for (uid, change) in [(Some(0), None), (Some(1000), None), (Some(1001), Some(401)), (None, Some(401))] {
        let caller = Caller::Unix { uid };
        assert_eq!(refused(&caller, "POST", &[JSON]), change, "{uid:?}");
        assert_eq!(refused(&caller, "GET", &[]), None, "{uid:?}");
        assert_eq!(refused(&caller, "POST", &[JSON, ("authorization", &bearer(SECRET))]), None, "{uid:?}");
    }
}

#[test]
fn no_form_of_a_page_can_change_anything() {
    let caller = Caller::Unix { uid: Some(0) };
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"]
    {
        assert_eq!(refused(&caller, "POST", &[("content-type", kind)]), Some(415), "{kind}");
    }
    assert_eq!(refused(&caller, "POST", &[]), Some(415));
    assert_eq!(refused(&caller, "POST", &[("content-type", "Application/JSON; charset=utf-8")]), None);
}

#[test]
fn what_a_page_of_another_site_asks_for_is_refused() {
    let caller = over_tcp("127.0.0.1");
    let token = bearer(SECRET);
    for origin in
        ["http://evil.example", "null", "http://localhost:3000", "file://", "http://localhost:7625.evil.example"]
    {
        assert_eq!(refused(&caller, "GET", &[HOST, ("origin", origin)]), Some(403), "{origin}");
        let change = [HOST, JSON, ("authorization", token.as_str()), ("origin", origin)];
        assert_eq!(refused(&caller, "POST", &change), Some(403), "{origin}");
    }
    assert_eq!(refused(&caller, "GET", &[HOST, ("origin", "http://localhost:7625")]), None);
    assert_eq!(refused(&caller, "GET", &[HOST, ("origin", "http://localhost:7625"), ("origin", "null")]), Some(403));
    for (site, expected) in
        [("cross-site", Some(403)), ("same-site", Some(403)), ("?", Some(403)), ("same-origin", None), ("none", None)]
    {
        assert_eq!(refused(&caller, "GET", &[HOST, ("sec-fetch-site", site)]), expected, "{site}");
    }
}

#[test]
fn a_link_to_a_page_may_be_followed_from_anywhere_but_to_no_data() {
    let caller = over_tcp("127.0.0.1");
    let link = [HOST, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    assert_eq!(refused_at(&caller, "GET", "/runs/x", &link), None);
    assert_eq!(refused_at(&caller, "GET", "/api/v1/status", &link), Some(403));
    let frame = [HOST, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    assert_eq!(refused_at(&caller, "GET", "/runs/x", &frame), Some(403));
}
