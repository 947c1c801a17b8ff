"""From DICOM series to volumes, models and results: what runs on the workers."""
