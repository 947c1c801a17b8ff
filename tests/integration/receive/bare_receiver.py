"""The embedded receiver where only the libraries of NiFi's bundle are: others are not found, as in the NAR."""

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from typing import Any

NOT_BUNDLED = {"prometheus_client", "click", "rich", "fastapi", "starlette", "uvicorn", "sqlalchemy", "httpx"}


class _Bundled:
    """Finds what the others find, but for what is not bundled."""

    def __init__(self, finders: list[Any]) -> None:
        self._finders = finders

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] in NOT_BUNDLED:
            return None
        found = (finder.find_spec(name, path, target) for finder in self._finders if hasattr(finder, "find_spec"))
        return next((spec for spec in found if spec is not None), None)

    def find_distributions(self, *context: Any) -> Iterator[Any]:
        """What `importlib.metadata` finds; libraries ask for their own versions."""
        for finder in self._finders:
            if hasattr(finder, "find_distributions"):
                yield from finder.find_distributions(*context)


if __name__ == "__main__":
    sys.meta_path[:] = [_Bundled(list(sys.meta_path))]
    from processors.dicom.embedded import main

    main()
