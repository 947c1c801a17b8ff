"""The store: packages by digest, batches by id, pipelines by version, results by key; a folder, or a bucket of S3.

- `durable`: files that are there whole or not at all, without a time of their own.
- `part`: the file of a body, hashed while it is written.
- `incoming`: bodies on their way in, each a local part file.
- `files`: what a place for files can do, and a folder that does it.
- `s3_settings`, `s3`: the same below a prefix of a bucket.
- `store`: what lies where.
- `make`: the store of a site's settings.
"""

from handoff.store.durable import fsync_folder, write_durably
from handoff.store.incoming import Incoming
from handoff.store.store import Store

__all__ = ["Incoming", "Store", "fsync_folder", "write_durably"]
