"""From DICOM series to volumes, models and results: what runs on the workers.

In reading order:

- `errors`: what can go wrong, each with its remedy.
- `files`: files by URI, on a disk, in S3 or at the handoff.
- `run_pass`, `handoff_server`, `handoff_files`, `handoff_volume`: at the handoff, with the token of the run alone.
- `result_places`: a result that is not on this machine.
- `preprocessing`: from slices to volumes whose geometry is proven.
- `datasets`: what a batch says, and the cases that it makes.
- `models`: the network and its file.
- `inference`: from a model and a volume to a DICOM SEG.
- `evaluation`: Dice, and the best threshold beside it.
- `recipes`: what each step of a pipeline does, as plain functions.
- `pipelines`: the graphs and their compiled YAML.
- `serving`: one model behind the Open Inference Protocol.
"""

import os

# OpenMP threads that wait spin by default. Beside other busy processes a training step then takes five times as long
# (measured on 2 cores). Read once, when torch is loaded, so it is set before anything here can load it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
