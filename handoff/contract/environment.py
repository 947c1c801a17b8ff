"""Variables that a target may set for a run's steps."""

EXPECTED_GPUS = "SLUICE_EXPECTED_GPUS"
"""How many accelerators the step was given. The first step that computes counts them before it does anything else."""
