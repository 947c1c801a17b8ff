"""Variables that a step of a run may find.

A run reaches its files in one of two ways. Where `HANDOFF_URL` is missing, its URIs lead to the store itself: a folder
of the machine, or S3 with the credentials that the environment has. Where it is there, the URIs are names only, the
environment has no credential of the store, and the files are asked for at the handoff, with the token of this run:

    <HANDOFF_URL>/v1/runs/<RUN>/files/<path>

The path is the URI behind `STORE_URI` and a slash, or `results/` and the URI behind `RESULTS_URI` and a slash. The
token is in the file `RUN_TOKEN_FILE`. A step in a cluster finds, in place of `RUN` and `RUN_TOKEN_FILE`, `ENGINE_RUN`
and `ENGINE_TOKEN`, and asks with them for both: `POST <HANDOFF_URL>/v1/runs/token`.
"""

EXPECTED_GPUS = "SLUICE_EXPECTED_GPUS"
"""How many accelerators the step was given. The first step that computes counts them before it does anything else."""

PROCESSES = "SLUICE_PROCESSES"
"""How many processes a step that computes shares its work by; it starts them itself, with torchrun."""

HANDOFF_URL = "SLUICE_HANDOFF_URL"
"""Where the handoff is, as a step reaches it: https://host:port, without a path."""

HANDOFF_CA_FILE = "SLUICE_HANDOFF_CA_FILE"
"""Certificates to trust at the handoff in place of the system's, PEM; missing where those of the system do."""

STORE_URI = "SLUICE_STORE_URI"
"""What the URIs of batches and packages begin with."""

RESULTS_URI = "SLUICE_RESULTS_URI"
"""What the URIs of results begin with."""

RUN = "SLUICE_RUN"
"""The id of the handoff that this run is of."""

RUN_TOKEN_FILE = "SLUICE_RUN_TOKEN_FILE"  # noqa: S105 - the name of a variable
"""A file with the token of this run, which nobody else may read."""

ENGINE_RUN = "SLUICE_ENGINE_RUN"
"""What the engine calls this run."""

ENGINE_TOKEN = "SLUICE_ENGINE_TOKEN"  # noqa: S105 - the name of a variable
"""The token of the target, from a secret of the cluster: good for nothing but asking for the token of a run."""
