"""The field, its extension, and multilinear polynomials over them."""
