"""Studies: the research questions that the harness was made for, as pre-registered designs."""
