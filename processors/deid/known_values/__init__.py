"""The independent verifier: do values that identify this very object survive in what comes out?

It knows nothing of rules and plans. Reading order: `attributes` (whose values identify), `spellings` (how a text may be
written), `collect` (the values of one original), `mentions` (dates in free text, in every spelling), `output` (what
came out, sorted by how it is compared), `bulk` (values without structure), `search` (the comparison), `beside` (the
same for what is added to an output that was compared before).
"""

from processors.deid.known_values.collect import OUR_WORD, Identifying, identifying
from processors.deid.known_values.search import survive

__all__ = ["OUR_WORD", "Identifying", "identifying", "survive"]
