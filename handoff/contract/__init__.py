"""What the zones say to each other, as frozen pydantic models; the one thing that both sides share.

Read in this order:

- `identifiers`: the strings that may appear in a URL, a path or a manifest, each with its shape.
- `document`: what all models here have in common: frozen, no unknown key.
- `canonical`: the one byte form of a document, over which digests and signatures are made.
- `shipment`: the manifest inside a package.
- `evidence`: how an association ended, and the counts that a study must reach.
- `commitment`: which instances of a study a modality asked to be kept.
- `performed`: which instances of a study a modality says that it has made.
- `expected`: how many instances a study should have, in all or by series.
- `labels`: label rows imported in the trusted zone, with their source.
- `receipt`: what the handoff signs once a shipment, evidence or labels are durable.
- `batch`: the lines of `batch_uri`.
- `result`: what a pipeline leaves in `result_uri`.
- `environment`: variables that a target may set for a run's steps.
- `s3`: the variables by which a process reaches S3.
- `returned`: objects of results on their way back to where their images came from.
- `webhook`: what a subscriber is told, and the signature by which it knows who said so.
- `withdrawal`: what was purged of withdrawn shipments and what remains, signed.
- `export`: writes the JSON Schemas in `schemas/`.
"""
