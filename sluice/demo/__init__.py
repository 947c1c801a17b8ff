"""The demo: the whole way from a modality to a training run, live, and counted.

Reading order: `phantom` (the anatomy), `people` (who lies in the scanner), `studies` (DICOM files of both).
"""
