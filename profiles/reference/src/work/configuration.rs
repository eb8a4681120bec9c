//! Configuration instantiation: from TOML through checked types to something that runs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{WorkError, write_json};

/// Most routes of one gateway.
const MOST_ROUTES: usize = 256;

/// The configuration of a gateway, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GatewayConfig {
    name: String,
    listen: SocketAddr,
    #[serde(default = "default_workers")]
    workers: u16,
    #[serde(default)]
    limits: Limits,
    backend: BTreeMap<String, BackendConfig>,
    #[serde(default)]
    route: Vec<RouteConfig>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    body_bytes: u64,
    timeout_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BackendConfig {
    address: SocketAddr,
    #[serde(default = "default_weight")]
    weight: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteConfig {
    path: String,
    backends: Vec<String>,
    #[serde(default)]
    timeout_ms: Option<u64>,
}

fn default_workers() -> u16 {
    4
}

fn default_weight() -> u32 {
    1
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 1 << 20, timeout_ms: 30_000 }
    }
}

/// A gateway that could take requests: routes with their timeouts, and their backends by weight.
#[derive(Debug)]
struct Gateway {
    name: String,
    listen: SocketAddr,
    workers: u16,
    body_bytes: u64,
    /// Longest path first, so that the first that fits is the one.
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    path: String,
    timeout_ms: u64,
    /// Backends with the sum of the weights up to and with each: a ticket finds its backend by bisection.
    backends: Vec<(u64, SocketAddr)>,
}

impl Gateway {
    fn new(config: GatewayConfig) -> Result<Self, String> {
        if config.workers == 0 {
            return Err("`workers` is 0, expected at least 1".to_owned());
        }
        if config.route.len() > MOST_ROUTES {
            return Err(format!("`route` has {} entries, expected at most {MOST_ROUTES}", config.route.len()));
        }
        let mut paths = BTreeSet::new();
        let mut routes = Vec::with_capacity(config.route.len());
        for route in config.route {
            if !route.path.starts_with('/') {
                return Err(format!("route `{}` does not begin with `/`", route.path));
            }
            if !paths.insert(route.path.clone()) {
                return Err(format!("route `{}` is there twice", route.path));
            }
            let mut backends = Vec::with_capacity(route.backends.len());
            let mut weights = 0_u64;
            for name in &route.backends {
                let backend = config
                    .backend
                    .get(name)
                    .ok_or_else(|| format!("route `{}` names the unknown backend `{name}`", route.path))?;
                weights += u64::from(backend.weight);
                backends.push((weights, backend.address));
            }
            if weights == 0 {
                return Err(format!("route `{}` has no backend with a weight above 0", route.path));
            }
            let timeout_ms = route.timeout_ms.unwrap_or(config.limits.timeout_ms);
            routes.push(Route { path: route.path, timeout_ms, backends });
        }
        routes.sort_by(|left, right| right.path.len().cmp(&left.path.len()).then_with(|| left.path.cmp(&right.path)));
        Ok(Self {
            name: config.name,
            listen: config.listen,
            workers: config.workers,
            body_bytes: config.limits.body_bytes,
            routes,
        })
    }

    /// Where a request goes. `ticket` spreads requests over the backends of a route.
    fn choose(&self, path: &str, ticket: u64) -> Option<(SocketAddr, u64)> {
        let route = self.routes.iter().find(|route| path.starts_with(&route.path))?;
        let (weights, _) = route.backends.last()?;
        let place = route.backends.partition_point(|(up_to, _)| *up_to <= ticket % weights);
        route.backends.get(place).map(|(_, address)| (*address, route.timeout_ms))
    }
}

/// Makes a gateway from its configuration, sends a few paths through it, and sums it up.
pub(crate) fn configure(body: &[u8]) -> Result<Vec<u8>, WorkError> {
    #[derive(Serialize)]
    struct Answer {
        name: String,
        listen: SocketAddr,
        workers: u16,
        body_bytes: u64,
        routes: Vec<RouteAnswer>,
    }
    #[derive(Serialize)]
    struct RouteAnswer {
        path: String,
        timeout_ms: u64,
        backends_used: usize,
    }
    let text = str::from_utf8(body).map_err(|_| WorkError::Malformed("the body is not UTF-8".to_owned()))?;
    let config: GatewayConfig = toml::from_str(text)
        .map_err(|error| WorkError::Malformed(format!("the configuration is not as expected: {}", error.message())))?;
    let gateway = Gateway::new(config).map_err(WorkError::Invalid)?;
    let routes = gateway
        .routes
        .iter()
        .map(|route| {
            let chosen: BTreeSet<SocketAddr> =
                (0..64).filter_map(|ticket| gateway.choose(&route.path, ticket)).map(|(address, _)| address).collect();
            RouteAnswer { path: route.path.clone(), timeout_ms: route.timeout_ms, backends_used: chosen.len() }
        })
        .collect();
    write_json(&Answer {
        name: gateway.name,
        listen: gateway.listen,
        workers: gateway.workers,
        body_bytes: gateway.body_bytes,
        routes,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const CONFIG: &str = r#"
name = "edge"
listen = "127.0.0.1:8080"
limits = { timeout_ms = 500 }
backend.one = { address = "10.0.0.1:80", weight = 3 }
backend.two = { address = "10.0.0.2:80" }
route = [
    { path = "/", backends = ["one"] },
    { path = "/api", backends = ["one", "two"], timeout_ms = 100 },
]
"#;

    fn gateway(text: &str) -> Gateway {
        Gateway::new(toml::from_str(text).expect("a configuration")).expect("a gateway")
    }

    #[test]
    fn the_longest_route_wins_and_weights_spread_the_load() {
        let gateway = gateway(CONFIG);
        let chosen: Vec<String> =
            (0..4).map(|ticket| gateway.choose("/api/x", ticket).expect("a backend").0.to_string()).collect();
        assert_eq!(chosen, ["10.0.0.1:80", "10.0.0.1:80", "10.0.0.1:80", "10.0.0.2:80"]);
        assert_eq!(gateway.choose("/other", 9).expect("a backend").1, 500);
    }

    #[test]
    fn the_answer_sums_the_gateway_up() {
        let answer: Value = serde_json::from_slice(&configure(CONFIG.as_bytes()).expect("an answer")).expect("JSON");
        assert_eq!(
            answer,
            json!({
                "name": "edge", "listen": "127.0.0.1:8080", "workers": 4, "body_bytes": 0x10_0000,
                "routes": [
                    {"path": "/api", "timeout_ms": 100, "backends_used": 2},
                    {"path": "/", "timeout_ms": 500, "backends_used": 1},
                ],
            })
        );
    }

    #[test]
    fn bad_configurations_are_refused_with_what_is_wrong() {
        let refusal = |text: &str| configure(text.as_bytes()).expect_err("a refusal").to_string();
        assert!(refusal("name = 1").contains("invalid type: integer"));
        assert!(refusal(&format!("colour = 1\n{CONFIG}")).contains("unknown field `colour`"));
        assert_eq!(
            refusal(&CONFIG.replace("\"two\"]", "\"three\"]")),
            "route `/api` names the unknown backend `three`"
        );
        assert_eq!(refusal(&CONFIG.replace("/api", "/")), "route `/` is there twice");
        assert_eq!(refusal(&format!("workers = 0\n{CONFIG}")), "`workers` is 0, expected at least 1");
        assert!(configure(b"\xff").is_err());
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "\\PC{0,80}") {
            let _ = configure(text.as_bytes());
        }
    }
}
