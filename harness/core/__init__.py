"""Foundations that know nothing of ours: errors, files, claims, hashes, checksums, borders, safe text."""
