"""The shipped profiles, one YAML file each; `sluice deid explain` says what one does to a file."""
