"""The version, a literal: importlib.metadata would cost as much start-up as numpy."""

__version__ = "0.2.0"
