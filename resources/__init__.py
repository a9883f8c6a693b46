"""Data the planner ships: vocabularies, device library, icons, themes."""
