"""Committed matrices: values, codewords, trees, evaluations."""
