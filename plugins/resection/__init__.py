"""Resection: what a cut takes of the liver, what remains, and how near it comes to lesions."""
