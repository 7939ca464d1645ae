"""The write side of a run folder: the record, the files that were scored, and what is already done."""
