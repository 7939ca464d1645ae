"""Studies: grids of models, intermediate tasks and seeds."""
