"""Models: a reference becomes a folder, and a folder becomes a network with the head a family needs."""
