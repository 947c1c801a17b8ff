"""What the stations of one trusted home share within a process: settings, ledger, vault, rules, profiles, keys."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path

from processors.audit.chain import Chain
from processors.audit.signer import Signer
from processors.consent.answer import Answer, reason
from processors.consent.ask import Consents, Person
from processors.deid.keys import KeyFile
from processors.deid.profile import Profile
from processors.file_version import version_of
from processors.landing.layout import Layout
from processors.ledger.schema import connect
from processors.results.profile import ReturnProfile
from processors.routing.rules import Rules
from processors.site import Site
from processors.vault import Vault
from processors.vault.merges import Merges


class Workplace:
    """One trusted home. Databases are opened once a thread; rules are read again when their file changes."""

    def __init__(self, site: Site, clock: Callable[[], float] = time.time) -> None:
        self.site = site
        self.layout = Layout(site.landing)
        self.clock = clock
        self.announcer_started = False
        self._local = threading.local()
        self._lock = threading.Lock()
        self._keys: KeyFile | None = None
        self._rules: tuple[tuple[int, int], Rules] | None = None
        self._profiles: dict[str, Profile] = {}
        self._merges: tuple[tuple[int, ...], Merges] | None = None
        self._chains: dict[str, Chain] = {}

    @property
    def ledger(self) -> sqlite3.Connection:
        """This thread's connection to the ledger."""
        if not hasattr(self._local, "ledger"):
            self._local.ledger = connect(self.site.ledger)
        connection: sqlite3.Connection = self._local.ledger
        return connection

    @property
    def vault(self) -> Vault:
        """This thread's vault."""
        if not hasattr(self._local, "vault"):
            self._local.vault = Vault.open(self.site.vault, self.keys, merges=self.merges)
        vault: Vault = self._local.vault
        return vault

    @property
    def keys(self) -> KeyFile:
        """The site's key file; without it nothing starts."""
        with self._lock:
            self._keys = self._keys or KeyFile.load(self.site.key_file)
            return self._keys

    def audit(self, project: str) -> Chain:
        """The audit record of a project."""
        keys = self.keys
        with self._lock:
            if project not in self._chains:
                self._chains[project] = Chain(self.site.audit, project, Signer(keys))
            return self._chains[project]

    def rules(self) -> Rules:
        """The routing rules as they are now."""
        try:
            state = self.site.rules.stat()
            version = (state.st_mtime_ns, state.st_size)
        except OSError:
            version = (0, 0)
        with self._lock:
            if self._rules is None or self._rules[0] != version:
                self._rules = (version, Rules.load(self.site.rules))
            return self._rules[1]

    def merges(self) -> Merges:
        """Which identities are one patient, as the list says now.

        Raises:
            MergeListError: it cannot be used.
        """
        try:
            version = version_of(self.site.merges.stat())
        except OSError:
            version = ()
        with self._lock:
            if self._merges is None or self._merges[0] != version:
                self._merges = (version, Merges.read(self.site.merges))
            return self._merges[1]

    def profile(self, name: str) -> Profile:
        """A de-identification profile by its name.

        Raises:
            ProfileError: there is none that packages may be made by.
        """
        with self._lock:
            if name not in self._profiles:
                profile = Profile.load(name)
                profile.require_for_packages()
                self._profiles[name] = profile
            return self._profiles[name]

    @cached_property
    def consents(self) -> Consents | None:
        """Whoever knows about consent; None where the site asks nobody."""
        return Consents(self.site.consent) if self.site.consent is not None else None

    def not_consented(self, people: Iterable[Person], project: str) -> str:
        """Why nothing of these patients (Patient ID, issuer) may go to a project now, as a code; empty if it may.

        Asked anew each time, about each identity that was joined with theirs. Who withdrew here
        is denied whatever the site's list says.
        """
        groups = {self.merges().group(*person) for person in people}
        if any(self.vault.is_withdrawn(*person, project) for group in groups for person in group):
            return reason(Answer.DENY)
        return reason(self.consents.ask(groups, project)) if self.consents is not None else ""

    @cached_property
    def return_profile(self) -> ReturnProfile:
        """What of a result may go back."""
        return ReturnProfile.load()

    def delivery_folder(self, delivery_id: str) -> Path:
        """Where a delivery lies in the landing."""
        return self.layout.delivery(delivery_id)

    def close(self) -> None:
        """Close this thread's databases."""
        for name in ("ledger", "vault"):
            if hasattr(self._local, name):
                getattr(self._local, name).close()
                delattr(self._local, name)


_open: dict[Path, Workplace] = {}
_open_lock = threading.Lock()


def workplace(home: str | Path) -> Workplace:
    """The workplace of a trusted home, one a process."""
    path = Path(home)
    with _open_lock:
        if path not in _open:
            _open[path] = Workplace(Site.load(path))
        return _open[path]
