"""The faces of heads in CT and MR: found in a whole series, removed, looked for again, claimed only then (E.3.2).

Reading order: `step` (one series in, one without a face or a verdict out), `verdict` (why not), `kinds` (what can show
a face), `plane` and `volume` (where slices lie), `stored` and `reading` (their pixels), `grid`, `components`, `tissue`,
`cavity` and `axes` (what is in a head), `cut` (what is removed), `surface` and `look` (whether it is gone), `picture`
(what a person sees), `seen` (what an engine reads instead), `folder` and `commands` (a folder of files).
"""

from processors.deid.faces.step import Outcome, deface
from processors.deid.faces.verdict import Verdict

__all__ = ["Outcome", "Verdict", "deface"]
