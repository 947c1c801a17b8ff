"""From a model and a volume to a result that a PACS can hold.

- `inputs`: the network's input channels of a volume, the same for training and inference.
- `predict`: probabilities on the volume's grid, and the mask on the series' own slices.
- `segmentation`: a mask as DICOM SEG that references its source instances.
"""
