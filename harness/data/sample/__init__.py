"""The sample corpus: a small multilingual benchmark generated from a grammar and lexicons."""
