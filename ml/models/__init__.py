"""Networks, in torch.

- `unet`: a small 3D U-Net that sees a whole body.
- `device`: where a network computes.
- `checkpoint`: a model on disk: weights, the network's shape, and the spec that it was trained on.
"""
