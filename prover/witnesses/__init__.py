"""The witness of each relation."""
