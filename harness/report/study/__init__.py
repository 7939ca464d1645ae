"""A study as tables, figures and one page: pure functions of what its analysis found and of what its runs hold."""
