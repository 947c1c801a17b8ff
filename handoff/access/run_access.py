"""What a run's steps are given to reach their files by the handoff alone: variables, and a token.

The variables say where things are and hold no secret; the token goes to where only the run reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from handoff.access.run_tokens import RunTokens
from handoff.contract.environment import HANDOFF_CA_FILE, HANDOFF_URL, RESULTS_URI, RUN, STORE_URI
from handoff.store import Store
from handoff.targets import ReachesFiles


@dataclass(frozen=True, slots=True)
class RunAccess:
    """Of one run, on a machine where it can be given a token without anybody else seeing it."""

    variables: dict[str, str]
    token: str = field(repr=False)


def files_environment(target: ReachesFiles, store: Store, url: str) -> dict[str, str]:
    """The variables that are the same for every run of a target."""
    ca_file = {} if target.handoff_ca_file is None else {HANDOFF_CA_FILE: str(target.handoff_ca_file)}
    return {HANDOFF_URL: url.rstrip("/"), STORE_URI: store.files.uri, RESULTS_URI: store.results.uri, **ca_file}


@dataclass(frozen=True, slots=True)
class RunAccesses:
    """Gives the runs of one target what they need.

    Attributes:
        url: Where the handoff is; asked anew for each run, for a service on a free port moves.
    """

    tokens: RunTokens
    target: ReachesFiles
    store: Store
    url: Callable[[], str]

    def give(self, handoff_id: str) -> RunAccess:
        """For the run of a handoff: the same each time, but for the time for which the token holds.

        Raises:
            OSError: where the handoff is cannot be read.
        """
        variables = {**files_environment(self.target, self.store, self.url()), RUN: handoff_id}
        return RunAccess(variables, self.tokens.give(handoff_id))
