"""The version of the module, as every answer of it names it."""

VERSION = "0.1.0"
