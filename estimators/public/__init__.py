"""Modules of the package whose names are those of others: in its root they would stand in the way of these."""
