"""Treatment modules that come with the planner."""
