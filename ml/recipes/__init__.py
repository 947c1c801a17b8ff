"""What the pipelines do, one plain function a step; each takes URIs and leaves files below `result_uri`.

- `outcome`: what a step tells the last step, and the result manifest that the last step writes.
- `prepare`: series to volumes, behind the geometry gate.
- `ranks`: one step's work shared by several processes.
- `train`: a U-Net on the train side of a prepared batch, new or from the weights of another.
- `evaluate`: the trained model, or a registered one, on the test side, beside the best threshold.
- `infer`: DICOM SEG of every volume of a prepared batch.
"""
