"""Time, memory and agreement of every path against its peers: ``python -m benchmarks --help``."""
