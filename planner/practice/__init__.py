"""Practice: exercises on cases, attempts at them, what they score, and what was learned; without Qt."""
