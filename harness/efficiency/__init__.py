"""Efficiency of inference: time, memory, operations and energy of models, measured side by side on this machine."""
