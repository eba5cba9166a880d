"""What is proved: the field, multilinear polynomials, the statement, and each relation as data."""
