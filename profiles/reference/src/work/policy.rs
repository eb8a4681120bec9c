//! Policy evaluation with a Rego engine behind a bounded cache of decisions.

use regorus::Engine;
use serde::{Deserialize, Serialize};

use super::{WorkError, read_json, write_json};
use crate::lru::LruCache;

const POLICY: &str = include_str!("../access.rego");

const DECISION: &str = "data.reference.access.decision";

/// Longest request that is evaluated, in its canonical form: with the number of entries it bounds the cache.
const LONGEST_REQUEST_BYTES: usize = 4096;

/// Who wants to do what with which resource, and how things stand.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessRequest {
    pub(crate) principal: Principal,
    pub(crate) action: String,
    pub(crate) resource: Resource,
    pub(crate) context: Context,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Principal {
    pub(crate) id: String,
    pub(crate) role: String,
    pub(crate) clearance: u8,
    #[serde(default)]
    pub(crate) groups: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resource {
    pub(crate) kind: String,
    pub(crate) owner: String,
    pub(crate) sensitivity: u8,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    pub(crate) hour: u8,
    pub(crate) mfa: bool,
    #[serde(default)]
    pub(crate) amount: u32,
}

/// What the policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decision {
    pub(crate) allow: bool,
    pub(crate) tier: String,
    pub(crate) risk: u64,
    pub(crate) reasons: Vec<String>,
    pub(crate) groups: Vec<String>,
}

/// A decision on its way to the client.
pub(crate) struct Evaluated {
    pub(crate) answer: Vec<u8>,
    pub(crate) allow: bool,
    pub(crate) from_cache: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    decision: &'a Decision,
    cached: bool,
}

/// The engine with its policy, and the decisions it took lately.
pub(crate) struct PolicyService {
    engine: Engine,
    cache: LruCache<Decision>,
}

impl PolicyService {
    /// Loads the policy.
    pub(crate) fn new(cache_entries: usize) -> Result<Self, String> {
        let mut engine = Engine::new();
        engine.add_policy("access.rego".to_owned(), POLICY.to_owned()).map_err(|error| error.to_string())?;
        Ok(Self { engine, cache: LruCache::new(cache_entries) })
    }

    /// How many decisions are remembered.
    pub(crate) fn cached_count(&self) -> usize {
        self.cache.len()
    }

    /// Decides on one request, from the cache if the same was decided lately.
    pub(crate) fn evaluate(&mut self, body: &[u8]) -> Result<Evaluated, WorkError> {
        let request: AccessRequest = read_json(body)?;
        if request.context.hour > 23 {
            let hour = request.context.hour;
            return Err(WorkError::Invalid(format!("`context.hour` is {hour}, expected 0 to 23")));
        }
        let key = serde_json::to_string(&request).map_err(|error| WorkError::Internal(error.to_string()))?;
        if key.len() > LONGEST_REQUEST_BYTES {
            return Err(WorkError::Invalid(format!(
                "the request is {} bytes long, expected at most {LONGEST_REQUEST_BYTES}",
                key.len()
            )));
        }
        if let Some(decision) = self.cache.get(&key) {
            let answer = write_json(&Answer { decision, cached: true })?;
            return Ok(Evaluated { answer, allow: decision.allow, from_cache: true });
        }
        let decision = self.decide(&key).map_err(WorkError::Internal)?;
        let answer = write_json(&Answer { decision: &decision, cached: false })?;
        let allow = decision.allow;
        self.cache.insert(&key, decision);
        Ok(Evaluated { answer, allow, from_cache: false })
    }

    fn decide(&mut self, request_json: &str) -> Result<Decision, String> {
        self.engine.set_input_json(request_json).map_err(|error| error.to_string())?;
        let value = self.engine.eval_rule(DECISION.to_owned()).map_err(|error| error.to_string())?;
        let value = serde_json::to_value(&value).map_err(|error| error.to_string())?;
        serde_json::from_value(value).map_err(|error| format!("the policy gave no decision: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(role: &str, groups: &[&str], action: &str, amount: u32) -> String {
        serde_json::json!({
            "principal": {"id": "ada", "role": role, "clearance": 2, "groups": groups},
            "action": action,
            "resource": {"kind": "account", "owner": "bob", "sensitivity": 2, "tags": ["payroll"]},
            "context": {"hour": 10, "mfa": true, "amount": amount},
        })
        .to_string()
    }

    fn decide(body: &str) -> Decision {
        let mut service = PolicyService::new(8).expect("the policy loads");
        let evaluated = service.evaluate(body.as_bytes()).expect("a decision");
        serde_json::from_slice(&evaluated.answer).expect("a decision in JSON")
    }

    #[test]
    fn simple_actions_are_allowed() {
        let decision = decide(&request("guest", &[], "read", 0));
        assert!(decision.allow && decision.tier == "allowed" && decision.reasons.is_empty(), "{decision:?}");
    }

    #[test]
    fn complex_actions_are_weighed() {
        let decision = decide(&request("manager", &["finance", "support"], "transfer", 500));
        assert!(decision.allow, "{decision:?}");
        assert_eq!((decision.tier.as_str(), decision.risk), ("complex", 15));
        assert_eq!(decision.groups, ["finance"]);
        let decision = decide(&request("member", &["support"], "transfer", 500));
        assert!(!decision.allow);
        assert_eq!(
            decision.reasons,
            ["no group grants the action", "the amount is above the limit of the role", "the role is too low"]
        );
    }

    #[test]
    fn risk_can_outweigh_everything_else() {
        let body = request("manager", &["finance"], "transfer", 500)
            .replace("\"hour\":10", "\"hour\":3")
            .replace("\"mfa\":true", "\"mfa\":false");
        let decision = decide(&body);
        assert_eq!((decision.allow, decision.risk), (false, 70));
        assert_eq!(decision.reasons, ["the risk is too high"]);
    }

    #[test]
    fn denied_actions_are_denied_to_everybody() {
        let decision = decide(&request("admin", &["finance"], "purge", 0));
        assert_eq!((decision.allow, decision.tier.as_str()), (false, "denied"));
        assert_eq!(decide(&request("admin", &[], "levitate", 0)).reasons, ["the action is not known"]);
    }

    #[test]
    fn a_decision_is_taken_once_and_then_remembered() {
        let mut service = PolicyService::new(2).expect("the policy loads");
        let mut from_cache = |action: &str| {
            service.evaluate(request("guest", &[], action, 0).as_bytes()).expect("a decision").from_cache
        };
        assert!(!from_cache("read"));
        assert!(from_cache("read"));
        assert!(!from_cache("list"));
        assert!(!from_cache("search"));
        assert!(!from_cache("read"), "two entries, and read is the oldest of three");
        assert_eq!(service.cached_count(), 2);
    }

    #[test]
    fn bad_requests_are_refused_with_what_is_wrong() {
        let mut service = PolicyService::new(2).expect("the policy loads");
        let mut refusal = |body: &str| service.evaluate(body.as_bytes()).err().expect("a refusal");
        assert!(matches!(refusal("{"), WorkError::Malformed(_)));
        assert!(refusal("{}").to_string().contains("missing field `principal`"));
        let body = request("guest", &[], "read", 0);
        assert!(refusal(&body.replace("hour\":10", "hour\":24")).to_string().contains("expected 0 to 23"));
        let long = body.replace("ada", &"a".repeat(5000));
        assert!(matches!(refusal(&long), WorkError::Invalid(_)));
    }
}
