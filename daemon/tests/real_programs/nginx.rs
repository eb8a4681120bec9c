//! nginx that serves a static file under load does not leak.

use std::fs;
use std::path::Path;

use crate::harness::{Case, Program};
use crate::soak::{Server, Soak, free_port};

const NGINX: Program = Program { name: "nginx", package: "nginx-light" };
const SHELL: Program = Program { name: "bash", package: "bash" };

pub(crate) const CASES: &[Case] = &[
    Case { name: "nginx_with_static_files_is_no_leak", needs: &[NGINX, SHELL], test: spawned },
    Case { name: "nginx_that_is_attached_to_is_no_leak", needs: &[NGINX, SHELL], test: attached },
];

/// Requests one after the other over bash's own sockets, at most 20,000; each prints a line.
fn load(port: u16) -> [String; 3] {
    let script = format!(
        "for ((n = 0; n < 20000; n++)); do exec 3<>/dev/tcp/127.0.0.1/{port} || exit 1; \
         printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3 >/dev/null; exec 3>&-; echo request; done"
    );
    ["bash".to_owned(), "-c".to_owned(), script]
}

/// A configuration that keeps everything in `folder`, and a page to serve.
fn configure(folder: &Path, port: u16) -> String {
    let place = folder.display();
    fs::write(folder.join("index.html"), "x".repeat(4096)).expect("a page");
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {place}/{kind};\n"))
        .concat();
    let text = format!(
        "daemon off;\nworker_processes 2;\npid {place}/pid;\nerror_log {place}/error.log;\nevents {{}}\nhttp {{\n\
         \x20   access_log off;\n{temporary}    server {{ listen 127.0.0.1:{port}; root {place}; }}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).expect("a configuration");
    // Workers of a server started by root run as another user, who must reach the page.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("an open folder");
    }
    file.display().to_string()
}

fn program() -> String {
    crate::harness::find(NGINX).expect("found before").display().to_string()
}

fn spawned() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let configuration = configure(folder.path(), port);
    let profile = format!(
        "[target]\ncommand = {:?}\nready = {{ http = \"http://127.0.0.1:{port}/\" }}\n\n[load]\ndriver = \"command\"\n\
         command = {:?}\n\n[sample]\ninterval = \"100ms\"\n\n[judge]\nduration = \"25s\"\n",
        [program().as_str(), "-c", &configuration],
        load(port),
    );
    let file = folder.path().join("nginx.toml");
    fs::write(&file, profile).expect("a profile");
    let soak = Soak::run(folder.path(), ["check".as_ref(), file.as_os_str()], &[]);
    soak.must_not_leak();
    assert_eq!(soak.judgement("fds_count"), "no_leak");
}

fn attached() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let configuration = configure(folder.path(), port);
    let mut server = Server::start(std::process::Command::new(program()).args(["-c", &configuration]), port);
    let load = load(port);
    let client = Server::start(std::process::Command::new(&load[0]).args(&load[1..]), port);
    let pid = server.pid().to_string();
    let soak = Soak::run(folder.path(), ["attach", "--pid", &pid, "--for", "20s", "--interval", "100ms"], &[]);
    soak.must_not_leak();
    assert!(server.runs(), "soakd ended a process that it had only attached to");
    drop(client);
}
