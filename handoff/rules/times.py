"""Times of schedules become occasions, each once, however the clock jumps and whoever looks.

- Of the times that were missed the last one is made up for.
- A schedule that is new, or new in its wording, begins with the times that are still to come.
- A clock that was put back shows times again: those that were written down are not written again, and the one that it
  shows first is not acted on, for it was over before.
"""

from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.database.dialect import hold_until_commit
from handoff.database.engine import Database
from handoff.database.tables import RuleFiring
from handoff.rules.occasions import record
from handoff.rules.rule import Schedule
from handoff.settings import Settings


@dataclass(slots=True)
class Times:
    """When this process looked at each schedule last, and the next time that it then saw coming."""

    database: Database
    settings: Settings
    _looked: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def note(self, now: float) -> None:
        """Write down the last time of each schedule that has a new one, or whose clock was put back."""
        for project, of_project in self.settings.projects.items():
            for name, rule in of_project.rules.items():
                if isinstance(rule.when, Schedule):
                    self._note((project, name), rule.when, now)

    def _note(self, rule: tuple[str, str], when: Schedule, now: float) -> None:
        before, coming = self._looked.get(rule, (now, now))
        if before <= now < coming:
            self._looked[rule] = now, coming
            return
        times = when.times()
        latest = int(times.latest_until(now))
        with self.database.write() as session:
            hold_until_commit(session, f"rule {rule[0]} {rule[1]}")
            newest = _newest(session, rule, when)
            put_back = now < before or (rule not in self._looked and newest is not None and newest > latest)
            skip = "before-the-rule" if newest is None else "clock-put-back" if put_back else None
            record(session, *rule, occasion=f"{when.mark}{latest}", now=now, skip=skip)
        self._looked[rule] = now, times.next_after(now) or now


def _newest(session: Session, rule: tuple[str, str], when: Schedule) -> int | None:
    """The newest time of this very wording that was written down; all have ten digits."""
    of_rule = RuleFiring.project == rule[0], RuleFiring.rule == rule[1], RuleFiring.occasion.startswith(when.mark)
    occasion = session.scalar(select(func.max(RuleFiring.occasion)).where(*of_rule))
    return None if occasion is None else int(occasion.removeprefix(when.mark))
