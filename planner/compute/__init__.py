"""Numerics that know no treatment."""
