"""Assessments and pictures as HTML and PDF."""
