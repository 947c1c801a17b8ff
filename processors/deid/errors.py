"""The errors of de-identification that are not about one instance (those are `reasons`).

```
DeidError
├── KeyFileError
│   ├── KeyFileMissingError
│   ├── KeyFileTooOpenError
│   ├── KeyFileInvalidError
│   ├── KeyFileExistsError
│   ├── KeyFileUnwritableError
│   ├── KeyProviderError
│   └── KeyInUseError
├── ProfileError
│   └── IdentifiedProfileError
├── SignatureRulesError
├── TextDetectorMissingError
├── FolderError
├── OutputError
└── WorkerDiedError
```
"""

from typing import ClassVar

from processors.errors import ProcessorsError


class DeidError(ProcessorsError):
    """De-identification cannot start."""


class KeyFileError(DeidError):
    """The key file cannot be used."""

    remedy: ClassVar[str] = "Make one with `sluice keys new FILE`, and keep it: pseudonyms depend on it."
    exit_code: ClassVar[int] = 2


class KeyFileMissingError(KeyFileError):
    """There is no key file, and without a key nothing starts."""


class KeyFileTooOpenError(KeyFileError):
    """The key file can be read by others than its owner."""

    remedy: ClassVar[str] = "Run `chmod 600` on it, and think about who may have read it."


class KeyFileInvalidError(KeyFileError):
    """The file holds no key."""


class KeyFileExistsError(KeyFileError):
    """There is a file already, and a key is never overwritten."""

    remedy: ClassVar[str] = "Name another file; a lost key loses all pseudonyms that were made with it."


class KeyFileUnwritableError(KeyFileError):
    """The file cannot be made."""

    remedy: ClassVar[str] = "Name a file in a folder that this user may write."


class KeyProviderError(KeyFileError):
    """The wrapping key of the key file cannot be had, and without it nothing starts."""

    remedy: ClassVar[str] = "Run the command that the key file names under `unwrap`: it must print 64 hex digits."


class KeyInUseError(KeyFileError):
    """A process that uses the key runs, and would go on with what it read."""

    remedy: ClassVar[str] = "Stop NiFi, run this again, and start NiFi."


class ProfileError(DeidError):
    """The profile cannot be used."""

    remedy: ClassVar[str] = "Name a profile that `sluice deid profiles` lists, or a YAML file of the same form."
    exit_code: ClassVar[int] = 2


class SignatureRulesError(DeidError):
    """The rules for devices with burned-in text cannot be used."""

    remedy: ClassVar[str] = "Mend that file; `processors/deid/burned_in/signatures.py` shows its form."
    exit_code: ClassVar[int] = 2


class TextDetectorMissingError(DeidError):
    """Nothing here can look for text in pixels."""

    remedy: ClassVar[str] = "Install the extra `ocr`; until then what can show text is withheld."
    exit_code: ClassVar[int] = 2


class IdentifiedProfileError(ProfileError):
    """The profile de-identifies nothing, and this is no archive."""

    remedy: ClassVar[str] = "Name a profile that de-identifies, such as research-default."


class FolderError(DeidError):
    """The folders cannot be used."""

    remedy: ClassVar[str] = "IN must be a folder that can be read, OUT another folder outside IN."
    exit_code: ClassVar[int] = 2


class OutputError(DeidError):
    """A cleaned file cannot be written."""

    remedy: ClassVar[str] = "Make room or mend the permissions, then run again: files already written stay the same."


class WorkerDiedError(DeidError):
    """A worker process ended before its work."""

    remedy: ClassVar[str] = "Run again with --workers 1 to find the file that ends it, or with more memory."
