"""Shipments: a package comes in, is checked against its manifest, and is kept under a signed receipt.

- `archive`: where the members of a stored ZIP lie, without trusting its directory.
- `dataset`: where the data set of a Part 10 file begins.
- `stream`: members hashed while the package comes in.
- `package`: manifest, members and digests agree, or a reason code.
- `unadmitted`: packages that were kept and never admitted are removed.
- `admit`: what is durable and recorded before a receipt is signed.
"""
