"""What runs in the trusted zone, in NiFi or beside it.

The CapWords files are the shells that the NiFi canvas shows; they translate and call the packages below, in the order
in which a delivery meets them: `dicom` (receive), `landing` (keep), `ledger` (account), `routing` (decide), `consent`
(ask who allows it), `withdrawal` (end what is here of a patient), `deid` (clean), `vault` (remember who is who),
`audit` (keep what was treated and decided), `delivery` (announce, treat, package, confirm), `results` (what comes
back). `pull` asks a PACS for what nobody pushes, `labels` brings rows of a spreadsheet, `inventory` shows what text
left, `quarantine` what did not and two people's word. `site` holds a site's settings, `limits` what bounds its
receiver, `peers` whom it calls, `senders` who may call it, `peers_file` how both are read, `hours` when something may
be done, `downtime` when nothing is expected, `units` how values are written with units, `private_file` how a database's
file is made, `settings_file` and `yaml_lines` what is wrong with such a file and where, `file_version` whether one is
still what was read, `site_program` how a program of the site is asked, `home_option` the `--home` of all commands.
Errors are in `errors`.
"""
