"""Version of the module, as its manifest says."""

VERSION = "0.1.0"
