"""The DICOM conformance statement (PS3.2), made of what the code itself goes by, so that neither can drift.

Reading order: `markdown` (tables and headings), `overview` (what is offered, and how it is put together), `receiving`
(the AE that others call), `services` (what it serves beside storage), `asking` (the AE that calls others), `setup`
(network, settings, character sets, security), `annexes` (the long lists), `deidentification` (PS3.15 E.1.3),
`statement` (all of it in order), `commands`. `python -m sluice.conformance` writes `docs/conformance.md`: `__main__`.
"""
