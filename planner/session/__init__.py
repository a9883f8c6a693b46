"""The open case and plan, and everything a user can do to them, without Qt."""
