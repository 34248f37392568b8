"""Every class here by its name, also those that no module has: for annotations."""

from .calls import AIO

__getattr__ = AIO.class_called
