"""Variables that a target may set for a run's steps."""

EXPECTED_GPUS = "SLUICE_EXPECTED_GPUS"
"""How many accelerators the step was given. The first step that computes counts them before it does anything else."""

PROCESSES = "SLUICE_PROCESSES"
"""How many processes a step that computes shares its work by; it starts them itself, with torchrun."""
