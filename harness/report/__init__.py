"""Reports: results as text, Markdown, CSV, LaTeX, JSON, HTML and charts."""
