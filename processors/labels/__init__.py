"""Labels from a spreadsheet: keyed by original ids here, by pseudonyms from here on; what is in doubt is listed.

Reading order: `sheet` (the CSV), `values` and `vocabulary` (what a cell may say), `objects` (what ledger and vault know
of the objects that keys name), `resolve` (a row's keys to one pseudonymous place, or a reason), `identifying` (values
that would name the patient), `judge` (every row: taken or listed), `document` (what crosses), `record` (durable, then
announced), `importing` (all of it), `commands`. `reasons` are the codes, `errors` what stops a whole import.
"""
