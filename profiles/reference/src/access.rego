# Who may do what: the policy that the reference service evaluates.
#
# Actions fall into three tiers. `allowed` ones need next to nothing, `complex` ones are weighed by role, group, amount
# and risk, `denied` ones are never granted, whoever asks.
package reference.access

allowed_actions := {"read", "list", "search"}

complex_actions := {"update", "approve", "transfer", "share"}

denied_actions := {"purge", "impersonate", "disable-audit"}

role_rank := {"guest": 0, "member": 1, "operator": 2, "manager": 3, "admin": 4}

needed_rank := {"update": 1, "share": 2, "approve": 3, "transfer": 3}

amount_limit := {"guest": 0, "member": 100, "operator": 1000, "manager": 25000, "admin": 100000}

group_grants := {
	"finance": {"approve", "transfer"},
	"support": {"update", "share"},
	"audit": {"approve"},
	"engineering": {"update", "share", "approve"},
}

tier := "denied" if {
	input.action in denied_actions
} else := "allowed" if {
	input.action in allowed_actions
} else := "complex" if {
	input.action in complex_actions
} else := "unknown"

rank := object.get(role_rank, input.principal.role, 0)

is_owner if input.resource.owner == input.principal.id

granted_by_group contains group if {
	some group in input.principal.groups
	input.action in object.get(group_grants, group, set())
}

risk_points contains {"why": "outside office hours", "points": 20} if input.context.hour < 7

risk_points contains {"why": "outside office hours", "points": 20} if input.context.hour >= 19

risk_points contains {"why": "no second factor", "points": 35} if not input.context.mfa

risk_points contains {"why": "sensitive resource", "points": 10 * input.resource.sensitivity} if {
	input.resource.sensitivity > input.principal.clearance
}

risk_points contains {"why": tagged, "points": 15} if {
	some tag in input.resource.tags
	tag in {"payroll", "medical", "legal"}
	tagged := concat(" ", ["tagged", tag])
}

risk := sum([entry.points | some entry in risk_points])

reasons contains "the action is never allowed" if tier == "denied"

reasons contains "the action is not known" if tier == "unknown"

reasons contains "the resource is above the clearance" if {
	tier == "allowed"
	not is_owner
	input.resource.sensitivity > input.principal.clearance + 1
}

reasons contains "the role is too low" if {
	tier == "complex"
	rank < needed_rank[input.action]
	not is_owner
}

reasons contains "no group grants the action" if {
	tier == "complex"
	rank < role_rank.admin
	count(granted_by_group) == 0
}

reasons contains "the amount is above the limit of the role" if {
	tier == "complex"
	input.context.amount > object.get(amount_limit, input.principal.role, 0)
}

reasons contains "the risk is too high" if {
	tier == "complex"
	risk > 50
}

default allow := false

allow if {
	tier in {"allowed", "complex"}
	count(reasons) == 0
}

decision := {
	"allow": allow,
	"tier": tier,
	"risk": risk,
	"reasons": reasons,
	"groups": granted_by_group,
}
