"""What knows nothing of ours: errors, files, claims, hashes, checksums, borders, and text that is safe to print."""
