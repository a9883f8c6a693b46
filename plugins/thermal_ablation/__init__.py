"""Thermal ablation."""
