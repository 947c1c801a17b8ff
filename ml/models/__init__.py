"""Networks, in torch.

- `unet`: a small 3D U-Net that sees a whole body.
- `checkpoint`: a model on disk: weights, the network's shape, and the spec that it was trained on.
"""
