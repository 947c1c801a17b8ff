"""Who is who: an account is a name and a token that is kept nowhere but with its person."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from processors.audit.reading import records
from processors.quarantine.errors import (
    AccountsUnreadableError,
    DecisionError,
    NameTakenError,
    NoSuchAccountError,
    NotSignedInError,
)
from processors.quarantine.signed_in import accounts_of, principal
from tests.unit.quarantine.conftest import Quarantined


def test_a_token_says_who_somebody_is_and_is_kept_nowhere(home: Quarantined) -> None:
    accounts = accounts_of(home.place)
    tokens = {name: accounts.add(name, 1.0, "root") for name in ("ann", "bob")}

    assert {name: accounts.who(token) for name, token in tokens.items()} == {"ann": "ann", "bob": "bob"}
    kept = b"".join(file.read_bytes() for file in home.root.rglob("*") if file.is_file())
    assert not any(token.encode() in kept for token in tokens.values())
    assert (home.root / "accounts.json").stat().st_mode & 0o077 == 0


def test_an_account_that_was_removed_opens_nothing_and_its_name_is_never_given_again(home: Quarantined) -> None:
    accounts = accounts_of(home.place)
    token = accounts.add("ann", 1.0, "root")
    accounts.remove("ann", 2.0, "root")

    for wrong in (token, "", "x"):
        with pytest.raises(NotSignedInError):
            accounts.who(wrong)
    with pytest.raises(NameTakenError):
        accounts.add("ann", 3.0, "root")
    with pytest.raises(NoSuchAccountError):
        accounts.remove("ann", 3.0, "root")
    assert [(each["what"], each["name"]) for each in records(home.place.site.audit, "_site")] == [
        ("added", "ann"),
        ("removed", "ann"),
    ]


def test_accounts_that_are_made_at_once_are_all_there(home: Quarantined) -> None:
    """One that another writer forgot would open nothing; one that was ended would be back."""
    names = [f"person-{number}" for number in range(8)]
    accounts = accounts_of(home.place)
    begin = threading.Barrier(len(names))

    def add(name: str) -> None:
        begin.wait()
        accounts.add(name, 1.0, "root")

    with ThreadPoolExecutor(len(names)) as people:
        list(people.map(add, names))

    assert accounts.names() == names


def test_a_wrong_token_at_a_command_is_recorded(home: Quarantined) -> None:
    with pytest.raises(NotSignedInError):
        principal(home.place, "wrong", None)

    assert [each["what"] for each in records(home.place.site.audit, "_site")] == ["refused"]


def test_commands_and_the_page_count_refused_tokens_together(home: Quarantined) -> None:
    for _ in range(30):
        with pytest.raises(NotSignedInError):
            principal(home.place, "wrong", None)
    token = accounts_of(home.place).add("ann", 1.0, "root")
    assert principal(home.place, token, None) == "ann"
    told = list(records(home.place.site.audit, "_site", kind="sign-in"))
    assert [(each["what"], each["count"]) for each in told] == [("refused", 1), ("refused", 29)]


def test_accounts_that_others_may_change_are_not_believed(home: Quarantined) -> None:
    accounts_of(home.place).add("ann", 1.0, "root")
    (home.root / "accounts.json").chmod(0o660)

    with pytest.raises(AccountsUnreadableError):
        accounts_of(home.place).names()


@pytest.mark.parametrize("name", ["", "Ann", "a b", "../x", "x" * 64, "ann\n"])
def test_a_name_is_plain(home: Quarantined, name: str) -> None:
    with pytest.raises(DecisionError):
        accounts_of(home.place).add(name, 1.0, "root")
