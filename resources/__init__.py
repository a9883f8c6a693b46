"""Devices, vocabulary, palettes, icons and templates."""
