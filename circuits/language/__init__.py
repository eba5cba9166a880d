"""The language in which relations are stated, once, for both sides."""
