"""The handoff service: shipments become studies, studies become batches, batches become exactly one run each."""
