"""The official submission layout: ``<folder>/<task>/<split>-<lang>.<ext>``, for predictions and for labels alike."""
