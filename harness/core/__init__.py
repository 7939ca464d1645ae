"""Foundations that import nothing else of the harness: errors, files, claims, hashes, checksums, borders, safe text."""
