"""Delimited text: its dialect, its cells, its numbers."""
