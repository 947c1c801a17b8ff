"""One line of JSON per request, written when it is over. A pipeline stands in it by its digest, a token never."""

import hashlib
import json
import threading
from pathlib import Path
from typing import Any


class Journal:
    """Appends to a file."""

    def __init__(self, file: Path) -> None:
        self._stream = file.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, **facts: Any) -> None:
        """Append one line, at once."""
        body = facts.get("body")
        if isinstance(body, dict) and "pipeline_spec" in body:
            digest = hashlib.sha256(json.dumps(body["pipeline_spec"], sort_keys=True).encode()).hexdigest()
            facts["body"] = {**body, "pipeline_spec": f"sha256:{digest}"}
        with self._lock:
            self._stream.write(json.dumps(facts) + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
