"""Which release this is, as servers are told it."""

__version__ = "1.0.0.dev0"
LANGUAGE = "python-twisted"
