"""Who is who: identities and all reverse mappings, encrypted; a source of truth.

Reading order: `vault` (what one may ask), `identities` (which identities are held), `merges` (which are one patient),
`cipher` (columns and lookups), `schema` (the tables), `backup` (copies, and how one is put back), `commands`, `errors`.
"""

from processors.vault.vault import Held, Identity, Owner, StudyOwner, UidRow, Vault

__all__ = ["Held", "Identity", "Owner", "StudyOwner", "UidRow", "Vault"]
