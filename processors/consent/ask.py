"""All sources of a site as one answer. Whatever goes wrong is `unavailable`, which holds and never allows."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from processors.consent.answer import Answer, of_people, of_sources
from processors.consent.command_hook import ask_command, question
from processors.consent.consent_list import ConsentList
from processors.consent.errors import ConsentError, ConsentListError
from processors.consent.http_hook import ask_url
from processors.consent.settings import ConsentSettings
from processors.file_version import version_of

Person = tuple[str, str]
"""Patient ID and its issuer; PHI."""


@dataclass(slots=True)
class Consents:
    """Whoever knows about consent at a site; safe to share between threads. An answer is never remembered."""

    settings: ConsentSettings
    _list: tuple[tuple[int, ...], ConsentList] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, people: Iterable[tuple[Person, ...]], project: str) -> Answer:
        """The word about all patients of something, for a project; nobody at all is `unknown`.

        Args:
            people: each by every identity that they go under; a denial under any of them denies.
            project: that wants their images.
        """
        return of_people(
            [of_sources(word for each in names for word in self._each(each, project)) for names in sorted(set(people))]
        )

    def listed(self) -> ConsentList | None:
        """The list as it is now; None when the site has none.

        Raises:
            ConsentListError: it cannot be used.
        """
        path = self.settings.list
        if path is None:
            return None
        try:
            state = path.stat()
        except OSError as error:
            raise ConsentListError(f"The list of consents cannot be read: {error.strerror}.") from error
        version = version_of(state)
        with self._lock:
            if self._list is None or self._list[0] != version:
                self._list = (version, ConsentList.read(path))
            return self._list[1]

    def _each(self, person: Person, project: str) -> Iterator[Answer]:
        """The word of each source; those after a denial are not asked."""
        sources = (self._by_list, self._by_command, self._by_url)
        for source in sources:
            try:
                answer = source(person, project)
            except ConsentError:
                answer = Answer.UNAVAILABLE
            yield answer
            if answer is Answer.DENY:
                return

    def _by_list(self, person: Person, project: str) -> Answer:
        listed = self.listed()
        return Answer.UNKNOWN if listed is None else listed.ask(*person, project)

    def _by_command(self, person: Person, project: str) -> Answer:
        command = self.settings.command
        if command is None:
            return Answer.UNKNOWN
        return ask_command(command, question(*person, project), self.settings.timeout_seconds)

    def _by_url(self, person: Person, project: str) -> Answer:
        site = self.settings
        if site.url is None:
            return Answer.UNKNOWN
        return ask_url(site.url, question(*person, project), site.timeout_seconds, site.ca_file, site.token_file)
