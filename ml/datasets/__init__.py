"""What a batch says, and the cases that it makes.

- `batch`: the lines of a batch by kind, and the bytes of one instance of a package.
- `packages`: members of packages, on a disk or in S3 by ranges.
- `cases`: prepared volumes joined with annotations by references and with labels, split by patient.
- `pulled`: a batch that was pulled to this machine, as a dataset of torch.
"""
