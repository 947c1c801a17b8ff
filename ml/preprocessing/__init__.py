"""From DICOM slices to volumes whose geometry is proven, by numpy alone (no torch here).

In reading order:

- `reasons`: the codes by which a series or an annotation is turned away.
- `slices`: one slice: its geometry, identity and pixels, read from Part 10 bytes.
- `geometry`: the gate: slices ordered in space, or a typed rejection.
- `grid`: where voxels lie in the patient, and how one grid maps onto another.
- `resample`: exact, reproducible linear resampling between such grids.
- `spec`: the transformation as data, with the digest that batches and models carry.
- `volume`: a gated series as Hounsfield units on the spec's grid.
- `labels`: a DICOM SEG as a mask on the volume's grid, joined by references.
- `body`: where the body lies in a volume, so that position means anatomy.
- `store`: volumes in Zarr v3, and the digest of what they decode to.
"""
