"""Leaderboards as data: the schema of a row (``row.schema.json``) and published systems (``published/``).

``published/<source>.json`` is an array of rows, one for each system of a paper, model card or README. Numbers of unlike
settings, metrics, language sets or splits are never ranked together; ``harness leaderboard show`` sees to that.
"""
