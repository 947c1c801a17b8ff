"""The site's rules over the provider's claims."""

import pytest

from handoff.access.openid.claims import principal_of
from handoff.access.openid.settings import OpenidSettings
from handoff.errors import ForbiddenError, UnauthorizedError

RULES = [
    {"claim": "groups", "value": "admins", "role": "admin"},
    {"claim": "groups", "value": "lungs", "role": "ml-engineer", "projects": ["lungs"]},
    {"claim": "groups", "value": "brains", "role": "ml-engineer", "projects": ["brains"]},
    {"claim": "realm_access.roles", "value": "audit", "role": "auditor"},
    {"claim": "https://hospital.example/role", "value": "ops", "role": "operator"},
    {"claim": "scope", "value": "deliver", "role": "intake"},
    {"claim": "email", "value": "boss@hospital.example", "role": "admin"},
]


def who(rules=None, name_claim="sub", **claims):
    facts = {"issuer": "https://login.example", "audience": "a", "roles": rules or RULES, "name_claim": name_claim}
    return principal_of({"sub": "u-1", **claims}, OpenidSettings.model_validate(facts))


ROLES = {
    "a list holds it": ({"groups": ["x", "admins"]}, "admin", None),
    "a text is it": ({"groups": "admins"}, "admin", None),
    "the first rule decides": ({"groups": ["lungs", "admins"]}, "admin", None),
    "later rules of the role add projects": ({"groups": ["brains", "lungs"]}, "ml-engineer", {"lungs", "brains"}),
    "dots lead into objects": ({"realm_access": {"roles": ["audit"]}}, "auditor", None),
    "a name with dots": ({"https://hospital.example/role": "ops"}, "operator", None),
    "a word of a scope": ({"scope": "openid deliver"}, "intake", None),
    "a verified e-mail": ({"email": "boss@hospital.example", "email_verified": True}, "admin", None),
}


@pytest.mark.parametrize(("claims", "role", "projects"), ROLES.values(), ids=ROLES)
def test_a_rule_gives_a_role(claims, role, projects):
    principal = who(**claims)
    assert (principal.role, principal.projects) == (role, projects)


NO_ROLES = {
    "nothing": {},
    "part of a word": {"groups": ["admins-of-nothing"]},
    "words of a text that is no scope": {"groups": "not admins"},
    "another case": {"groups": ["Admins"]},
    "an object": {"groups": {"admins": True}},
    "true": {"groups": True},
    "a text where an object is": {"realm_access": "roles"},
    "an e-mail that nobody verified": {"email": "boss@hospital.example"},
    "an e-mail verified by the word false": {"email": "boss@hospital.example", "email_verified": "true"},
}


@pytest.mark.parametrize("claims", NO_ROLES.values(), ids=NO_ROLES)
def test_nobody_has_a_role_by_accident(claims):
    with pytest.raises(ForbiddenError) as caught:
        who(**claims)
    assert caught.value.code == "no-role"


def test_a_role_of_all_projects_is_not_narrowed_by_a_later_rule():
    rules = [{**RULES[1], "projects": None}, RULES[2]]
    assert who(rules, groups=["lungs", "brains"]).projects is None


def test_a_rule_for_no_project_shows_none():
    assert who([{**RULES[1], "projects": []}], groups=["lungs"]).projects == frozenset()


def test_nobody_at_the_provider_is_taken_for_a_token_of_this_service():
    assert who(sub="home", groups=["admins"]).name == "openid:home"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00b", "\u202eadmin", "x" * 121, 5, None], ids=repr)
def test_a_name_that_records_cannot_keep_is_refused(name):
    with pytest.raises(UnauthorizedError) as caught:
        who(name_claim="preferred_username", preferred_username=name, groups=["admins"])
    assert caught.value.code == "token-name"


def test_an_e_mail_names_nobody_until_it_is_verified():
    with pytest.raises(UnauthorizedError):
        who(name_claim="email", email="a@b.example", groups=["admins"])
    assert who(name_claim="email", email="a@b.example", email_verified=True, groups=["admins"]).name
