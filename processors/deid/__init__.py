"""De-identification by PS3.15: a raw walk compiled from a profile, then an independent scan of what came out.

Reading order: `engine` (one instance in, one out), `profile` and `options` (what shall happen, as data), `table_e1_1`
and `iod_types` (what the standard says; its tables are in `data`), `action` and `choices` (what options make of the
table), `plan` (all compiled to one rule an attribute), `part10` and `parse` (bytes to elements), `pixels` (what is
asked of them), `safe_private`, `structured`, `drawings` and `walk` (elements to cleaned bytes), `actions`, `ages`,
`codes`, `dates`, `terms`, `words`, `pseudonyms`, `keys` and `wrapping` (what values become), `series`, `template` and
`holes` (what slices have in common is cleaned once), `codestream` and `runs` (what compressed images hide),
`unused_bits` (what native ones do), `burned_in` (text in pixels), `faces` (of heads, in whole series), `encode` and
`marks` (what we write ourselves), `known_values` and `charsets` (the scan), `reasons`, `remedies` and `errors`,
`inherit`, `compare` and `junk_ids` (what profile files say), `files`, `folder`, `explain` and `commands` (the command
line).
"""

from processors.deid.engine import Engine, Treated, Withheld
from processors.deid.keys import KeyFile, ProjectKeys
from processors.deid.profile import Profile

__all__ = ["Engine", "KeyFile", "Profile", "ProjectKeys", "Treated", "Withheld"]
