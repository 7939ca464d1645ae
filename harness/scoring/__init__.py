"""Files in, numbers out: formats, metrics, intervals and averages. Nothing is trained here."""
