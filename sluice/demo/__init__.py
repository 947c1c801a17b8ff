"""The demo: the whole way from a modality to a training run, live, and counted.

In reading order:

- `play`: from the first process to the verdict; `commands`, `narrate`, `errors`: how it is asked for and what it says
- `phantom`, `people`, `studies`: the anatomy, who lies in the scanner, DICOM files of both
- `scanner_files`, `material`: real scanners' files, and all that is pushed
- `run_home`, `processes`, `parts`, `registry`, `orthanc`, `pacs`: what is started
- `send`, `dcmsend`, `storescu`, `sent`: pushing, believed by the sender's log
- `settle`, `learn`, `score`: waiting, runs, and how good the model is
- `counts`, `sweep`, `montage`, `report`: what is shown at the end
"""
