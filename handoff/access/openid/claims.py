"""Whom a token stands for: the site's rules over the provider's claims."""

from collections.abc import Mapping
from typing import Any

from handoff.access.openid.settings import OpenidSettings, RoleRule
from handoff.access.principal import Principal
from handoff.errors import ForbiddenError, UnauthorizedError

_PREFIX = "openid:"
"""Before every name, so that nobody at the provider is taken for a token of this service in its records."""
_LONGEST_NAME = 120
_SCOPES = frozenset({"scope", "scp"})
"""Claims whose words are values of their own (RFC 8693, section 4.2); any other text is one value."""


def principal_of(claims: Mapping[str, Any], settings: OpenidSettings) -> Principal:
    """The principal of believed claims.

    Raises:
        UnauthorizedError: they do not name anybody.
        ForbiddenError: no rule gives them a role.
    """
    name = claims.get(settings.name_claim)
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        message = f"The token's claim {settings.name_claim} names nobody."
        raise UnauthorizedError(message, code="token-name", remedy="Choose another openid.name_claim.")
    if settings.name_claim == "email" and not _email_is_verified(claims):
        raise UnauthorizedError("The provider has not verified the e-mail.", code="token-name", remedy="Verify it.")
    fitting = [rule for rule in settings.roles if _fits(rule, claims)]
    if not fitting:
        message = "The provider knows you, but no rule of openid.roles gives you a role here."
        raise ForbiddenError(message, code="no-role", remedy="Ask an administrator for a role at the provider.")
    role = fitting[0].role
    limits = [rule.projects for rule in fitting if rule.role == role]
    projects = None if None in limits else frozenset(project for limit in limits for project in limit or ())
    return Principal(_PREFIX + name, role, projects)


def _fits(rule: RoleRule, claims: Mapping[str, Any]) -> bool:
    if rule.claim == "email" and not _email_is_verified(claims):
        return False
    value = _at(claims, rule.claim)
    if isinstance(value, str):
        return rule.value in (value.split() if rule.claim in _SCOPES else [value])
    return isinstance(value, list) and rule.value in value


def _email_is_verified(claims: Mapping[str, Any]) -> bool:
    return claims.get("email_verified") is True


def _at(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its own name, which may hold dots itself, or by the way that its dots lead."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        if not isinstance(found, dict) or step not in found:
            return None
        found = found[step]
    return found
