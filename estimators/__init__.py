"""Proved models where other tools have theirs."""
