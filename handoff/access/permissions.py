"""What each role may do: the one table that says so."""

from typing import Literal, get_args

Verb = Literal[
    "deliver",
    "reconcile",
    "read",
    "decide",
    "steer",
    "operate",
    "approve",
    "register",
    "register-local",
    "audit",
    "administer",
    "work",
    "take-on",
]
Role = Literal["intake", "operator", "ml-engineer", "auditor", "admin", "run", "engine"]

VERBS: dict[Verb, str] = {
    "deliver": "put shipments, evidence and labels, and acknowledge objects",
    "reconcile": "list what arrived, and poll results",
    "read": "see studies, batches, handoffs, models and lineage",
    "decide": "form batches, hand off, run again, ask for a promotion",
    "steer": "cancel a handoff, retry a dead letter",
    "operate": "close a study by force, withdraw, signal, probe targets",
    "approve": "approve or refuse a promotion, move an alias",
    "register": "register pipelines for targets that run them elsewhere",
    "register-local": "register pipelines for targets that run them beside the service",
    "audit": "read who did what",
    "administer": "make, list and revoke tokens",
    "work": "read the batch of its own handoff, and write its result",
    "take-on": "get the token of a run that is at work on its own target",
}
"""Every verb, and what it allows in plain words."""

PERMISSIONS: dict[Role, frozenset[Verb]] = {
    "intake": frozenset({"deliver", "reconcile"}),
    "operator": frozenset({"reconcile", "read", "steer", "operate"}),
    "ml-engineer": frozenset({"reconcile", "read", "decide", "steer", "approve", "register"}),
    "auditor": frozenset({"reconcile", "read", "audit"}),
    "admin": frozenset(VERBS) - {"deliver", "work", "take-on"},
    "run": frozenset({"work"}),
    "engine": frozenset({"take-on"}),
}
"""Who runs the service delivers nothing; who delivers sees nothing, nor does an engine; a run sees its own handoff."""

ROLES: tuple[Role, ...] = get_args(Role)


def roles_that_may(verb: Verb) -> tuple[Role, ...]:
    """The roles that have a permission, in the table's order."""
    return tuple(role for role in ROLES if verb in PERMISSIONS[role])
