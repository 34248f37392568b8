"""Every class here by its name, also those that no module has: for annotations."""

from .calls import BLOCKING

__getattr__ = BLOCKING.class_called
