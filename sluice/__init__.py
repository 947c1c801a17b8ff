"""The command line and the demo.

Reading order: `cli` (every command and where it lives), `completion` (for shells), `demo` (the whole way, live),
`simulate` (modalities), `trace` and `tracing` (one id, both ways), `withdraw` (one patient, both zones),
`site_secrets`, `handoff_certificates` and `certificates` (what a new installation needs), `audit` (the handoff's list
beside the record of treatments), `conformance` (the DICOM conformance statement), `deidentification` (the page on it).
"""
