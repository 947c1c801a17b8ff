"""De-identification by PS3.15: a raw walk compiled from a profile, then an independent scan of what came out.

Reading order: `engine` (one instance in, one out), `profile` (what shall happen, as data), `table_e1_1` and `iod_types`
(what the standard says, as data), `plan` (both compiled to one rule an attribute), `part10` and `parse` (bytes to
elements), `walk` (elements to cleaned bytes), `actions` (what a rule does to a value), `codes`, `dates`, `pseudonyms`
and `keys` (what values become), `marks` (what was really done), `verify` (the scan), `reasons` and `errors`, `folder`,
`explain` and `commands` (the command line).
"""

from processors.deid.engine import Engine, Treated, Withheld
from processors.deid.keys import KeyFile, ProjectKeys
from processors.deid.profile import Profile

__all__ = ["Engine", "KeyFile", "Profile", "ProjectKeys", "Treated", "Withheld"]
