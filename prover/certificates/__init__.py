"""The owner's side of deletion certificates: making them, reading lists of requests, and the page for people."""
