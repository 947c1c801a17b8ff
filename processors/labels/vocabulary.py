"""Which codes a column may hold: a list by label, or the narrow form that codes have without one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import yaml
from pydantic import TypeAdapter, ValidationError

from handoff.contract.labels import LabelCode, LabelName
from processors.labels.errors import VocabularyError

MOST_CODES: Final = 32
"""Different codes of one column without a vocabulary: findings are few, identities are many."""
_SHORT: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9_+-]{0,15}", re.ASCII)
_MOST_DIGITS: Final = 3
_FILE: Final = TypeAdapter(dict[LabelName, tuple[LabelCode, ...]])


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Codes by label; None means that there is no list, and only short tokens with few digits are codes."""

    codes: Mapping[str, frozenset[str]] | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a vocabulary: YAML, each label with its codes. Every scalar is text: `no` and `1e3` are codes as well.

        Raises:
            VocabularyError: it cannot be read, or a name or code is none.
        """
        try:
            written = yaml.load(path.read_text("utf-8"), yaml.BaseLoader)  # noqa: S506 - it makes text, lists and maps
            listed = _FILE.validate_python(written)
        except (OSError, UnicodeDecodeError) as error:
            raise VocabularyError(f"{path} cannot be read.") from error
        except yaml.YAMLError as error:
            raise VocabularyError(f"{path} is no YAML.") from error
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"])) or "the file"
            raise VocabularyError(f"{path}: {where} is no label with a list of codes.") from error
        return cls({name: frozenset(codes) for name, codes in listed.items()})

    def allows(self, name: str, code: str) -> bool:
        """Whether this text may be a value of this label."""
        if self.codes is not None:
            return code in self.codes.get(name, ())
        return bool(_SHORT.fullmatch(code)) and sum(letter.isdigit() for letter in code) <= _MOST_DIGITS
