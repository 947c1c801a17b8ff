"""The table of roles: what nobody but one role may do, and what no role may do together."""

import json

import pytest

from handoff.access.permissions import PERMISSIONS, ROLES, VERBS, roles_that_may
from handoff.access.principal import Principal
from handoff.errors import NotFoundError


def test_the_table_knows_every_role_and_each_verb_is_somebodys():
    assert set(PERMISSIONS) == set(ROLES)
    assert all(roles_that_may(verb) for verb in VERBS)


@pytest.mark.parametrize(
    ("verb", "roles"),
    [
        ("deliver", ("intake",)),
        ("administer", ("admin",)),
        ("register-local", ("admin",)),
        ("audit", ("auditor", "admin")),
        ("operate", ("operator", "admin")),
        ("decide", ("ml-engineer", "admin")),
        ("work", ("run",)),
        ("take-on", ("engine",)),
    ],
)
def test_a_permission_belongs_to_these_roles_alone(verb, roles):
    assert roles_that_may(verb) == roles


def test_what_delivers_sees_nothing_and_a_run_sees_its_own_work_alone():
    assert PERMISSIONS["intake"] == {"deliver", "reconcile"}
    assert PERMISSIONS["run"] == {"work"}
    assert PERMISSIONS["engine"] == {"take-on"}


def test_an_auditor_changes_nothing():
    assert PERMISSIONS["auditor"] <= {"reconcile", "read", "audit"}


def test_a_project_that_is_not_ones_own_is_not_even_said_to_exist():
    limited = Principal("ada", "ml-engineer", frozenset({"lungs"}))
    limited.require_project("lungs")
    with pytest.raises(NotFoundError):
        limited.require_project("hearts")
    Principal("root", "admin").require_project("hearts")


def test_the_permissions_can_be_printed():
    assert json.dumps({role: sorted(verbs) for role, verbs in PERMISSIONS.items()})
