"""The rights that deploying needs on a secured NiFi: to see and change the root group, and to empty its queues.

A new NiFi makes its initial administrator's rights before it has a root group, so nobody may touch that group until
somebody who may write policies says so. Deploying says so for itself, and for nobody else.
"""

from nifi.errors import DeployError, RefusedError
from nifi.rest import Json, NiFi

_GROUP, _DATA = "/process-groups/", "/data/process-groups/"


def ensure_rights(nifi: NiFi) -> list[str]:
    """Give ourselves what is missing; returns what was given, nothing on a NiFi without users.

    Raises:
        DeployError: something is missing and we may not write policies.
    """
    me = nifi.get("/flow/current-user")
    if me.get("anonymous"):
        return []
    answer = nifi.get("/flow/process-groups/root")
    root, rights = str(answer["processGroupFlow"]["id"]), answer.get("permissions", {})
    missing = [action for action, had in (("read", "canRead"), ("write", "canWrite")) if not rights.get(had)]
    identity = str(me["identity"])
    if not me.get("policiesPermissions", {}).get("canWrite"):
        if missing:
            message = f"{identity} may not {missing[0]} the root process group, nor write policies."
            raise DeployError(message)
        return []
    wanted = [(action, _GROUP + root) for action in missing]
    wanted += [(action, _DATA + root) for action in ("read", "write")]
    user = _user(nifi, identity)
    return [f"policy {action} {resource}" for action, resource in wanted if _grant(nifi, user, action, resource)]


def _user(nifi: NiFi, identity: str) -> Json:
    found = nifi.get("/tenants/search-results", q=identity).get("users", [])
    for user in found:
        if user["component"]["identity"] == identity:
            return dict(user)
    message = f"NiFi knows no user {identity}."
    raise DeployError(message)


def _grant(nifi: NiFi, user: Json, action: str, resource: str) -> bool:
    """Whether the user had to be added to the policy."""
    tenant = {"id": user["id"], "revision": user["revision"]}
    try:
        policy = nifi.get(f"/policies/{action}{resource}")
    except RefusedError as error:
        if error.status != 404:
            raise
        policy = {}
    component = policy.get("component", {})
    if component.get("resource") != resource:  # none, or the one of a group above
        component = {"action": action, "resource": resource, "users": [tenant], "userGroups": []}
        nifi.post("/policies", {"revision": {"version": 0}, "component": component})
        return True
    if any(each["id"] == user["id"] for each in component["users"]):
        return False
    added = {**component, "users": [*component["users"], tenant]}
    nifi.put(f"/policies/{policy['id']}", {"revision": policy["revision"], "component": added})
    return True
