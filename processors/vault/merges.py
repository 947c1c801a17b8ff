"""Which identities are one patient: the site's merge list, `merges.yaml` of the trusted home.

```yaml
patients:
  - keep: {id: "4711", issuer: HOSP}
    join:
      - {id: "0815", issuer: HOSP}
      - {id: "17"}                      # images that name no issuer
```

What is routed from then on goes under the identity that is kept. What was routed before keeps the one that it was
pinned with, so that the same shipment is always the same bytes.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from processors.vault.errors import VaultError
from processors.yaml_lines import Lines

Person = tuple[str, str]
"""Patient ID and its issuer, as they are compared; PHI."""


class MergeListError(VaultError):
    """The merge list cannot be used, so whose anything is stays unclear, and nothing is routed."""

    remedy: ClassVar[str] = "Mend the line of merges.yaml that is named, or remove the file."
    exit_code: ClassVar[int] = 2


def person(patient_id: str, issuer: str) -> Person:
    """As identities are compared: NFC, without outer blanks and padding."""
    plain = [unicodedata.normalize("NFC", part.strip(" \0")) for part in (patient_id, issuer)]
    return plain[0], plain[1]


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("write it in quotes: as a number it would lose its zeros")  # noqa: TRY004 - pydantic wants it
    return value.strip()


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Identity(_Part):
    id: Annotated[str, BeforeValidator(_text), Field(min_length=1)]
    issuer: Annotated[str, BeforeValidator(_text)] = ""


class _Patient(_Part):
    keep: _Identity
    join: tuple[_Identity, ...] = Field(min_length=1)


class _File(_Part):
    patients: tuple[_Patient, ...] = ()


@dataclass(frozen=True, slots=True)
class Merges:
    """The groups of a list; printing shows nothing of them."""

    _groups: Mapping[Person, tuple[Person, ...]] = field(default_factory=dict, repr=False)

    def group(self, patient_id: str, issuer: str) -> tuple[Person, ...]:
        """Everything that a patient is called, the identity that is kept first; alone when nothing is joined."""
        who = person(patient_id, issuer)
        return self._groups.get(who, (who,))

    def joins(self, people: Iterable[Person]) -> tuple[tuple[Person, Person], ...]:
        """Of some identities those that go under another one, with it."""
        pairs = {(person(*each), self.group(*each)[0]) for each in people}
        return tuple(sorted(pair for pair in pairs if pair[0] != pair[1]))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a list; a missing file joins nothing.

        Raises:
            MergeListError: it cannot be read, is no such list, or names an identity twice. The message names the line.
        """
        try:
            text = path.read_text("utf-8")
            lines = Lines(text)
            found = _File.model_validate(lines.written or {})
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError) as error:
            raise MergeListError(f"{path.name} cannot be read ({type(error).__name__}).") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            raise MergeListError(f"{path.name} is no YAML at line {mark.line + 1 if mark else 1}.") from None
        except ValidationError as error:
            fault = error.errors(include_input=False)[0]
            said = f"{path.name}, line {lines.of(fault['loc'])}: {fault['msg']}."
            raise MergeListError(said) from None
        groups: dict[Person, tuple[Person, ...]] = {}
        for number, patient in enumerate(found.patients):
            group = tuple(person(each.id, each.issuer) for each in (patient.keep, *patient.join))
            if len(set(group)) < len(group) or groups.keys() & set(group):
                line = lines.of(("patients", number))
                raise MergeListError(f"{path.name}, line {line}: an identity stands in the list twice.")
            groups |= dict.fromkeys(group, group)
        return cls(groups)
