"""What text left for a project, value by value, and how many patients are alike: two looks before a release.

Reading order: `text` (the values of one file), `likeness` (what a stranger could know of a patient), `books` (what was
seen, kept between looks), `look` (packages that were not looked at yet), `approval` (a person's word on what is new),
`anonymity` (classes of patients who are alike), `page` (the same as a page), `commands`; `errors`.
"""
