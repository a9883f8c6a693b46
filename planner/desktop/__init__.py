"""The Qt shell."""
