"""An output that was verified before, to which a few elements are added: only what is new is compared anew.

Of the old values and the old output nothing survived; so it is enough to look for all values in what was added, and
for the new values in what was there. Pixels are other ones in each instance, and are looked through each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from processors.deid.known_values import bulk
from processors.deid.known_values.collect import Identifying
from processors.deid.known_values.output import Output, sorted_output
from processors.deid.known_values.search import dates_survive, long_texts, texts_survive, uids_survive
from processors.deid.parse import Form


@dataclass(frozen=True, slots=True)
class Verified:
    """A header in which no value of its original is left.

    `days`: by how many days dates were moved; `vocabulary_tags`: attributes whose words were admitted one by one.
    """

    original: Identifying
    output: Output
    raw: bytes
    long_texts: frozenset[bytes]
    form: Form
    vocabulary_tags: frozenset[int]
    days: int

    @classmethod
    def of(
        cls, original: Identifying, header: Sequence[bytes], form: Form, vocabulary_tags: frozenset[int], days: int
    ) -> "Verified | None":
        """Verify a header's runs, each a data set of its own; None when something survives.

        Raises:
            RejectedError: it is not well-formed.
        """
        output = sorted_output(header, form, vocabulary_tags)
        raw = b"\0".join(output.raw)
        if (
            dates_survive(original.dates, output, days)
            or uids_survive(original.uids, output, raw)
            or texts_survive(original, output, raw.upper())
        ):
            return None
        return cls(original, output, raw, long_texts(original), form, vocabulary_tags, days)

    def admits(self, new: Identifying, added: bytes, pixels: Sequence[memoryview]) -> bool:
        """Whether nothing survives when elements are added: neither old values nor new ones, here or there.

        A date is judged more strictly than in the whole: what explains it must be among the values compared. False
        therefore means only that the whole must be compared.

        Args:
            new: what identifies in the originals of what is added: dates and UIDs alone.
            added: those elements, cleaned: a data set.
            pixels: the bulk value, in runs.

        Raises:
            RejectedError: what is added is not well-formed.
        """
        old = self.original
        output = sorted_output((added,), self.form, self.vocabulary_tags)
        raw = b"\0".join(output.raw)
        return not (
            new.texts
            or new.words
            or uids_survive(old.uids | new.uids, output, raw)
            or uids_survive(new.uids, self.output, self.raw)
            or dates_survive(old.dates | new.dates, output, self.days)
            or self._days_survive(new)
            or texts_survive(old, output, raw.upper())
            or bulk.holds(pixels, self.long_texts)
        )

    def _days_survive(self, new: Identifying) -> bool:
        """Whether a new day stands in the old output; a day that was among the old values was looked for there."""
        known = {day for _, day in self.original.dates}
        days = {pair for pair in new.dates if pair[1] not in known}
        return bool(days) and dates_survive(days, self.output, self.days)
