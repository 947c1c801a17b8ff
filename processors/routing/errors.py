"""The errors of routing.

```
RulesError      rules.yaml cannot be used
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class RulesError(ProcessorsError):
    """The routing rules cannot be used."""

    remedy: ClassVar[str] = "Mend rules.yaml in the trusted home; the message names the line or the key."
