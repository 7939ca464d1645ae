"""Run folders: the record, the prediction files, and what is already done."""
