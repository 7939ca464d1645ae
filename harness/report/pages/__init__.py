"""Self-contained HTML pages, with their styles, scripts and vendored libraries: the report of runs and the leaderboard."""
