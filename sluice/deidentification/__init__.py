"""The page on de-identification, made of the profiles, tables and rules that the engine itself goes by.

Reading order: `decisions` (how an attribute is decided, and what becomes of each row of the table), `kinds` (which
objects pass, with `with-reports.yaml` and `with-presentation-states.yaml` as examples), `looking` (for text in pixels),
`switches` (the options and what each retains), `shipped` (the profiles), `document` (all of it in order). `python -m
sluice.deidentification` writes `docs/deidentification.md`: `__main__`.
"""
