"""From results to statements: comparisons, breakdowns, checklists, mistakes, invariance."""
