"""The built-in sample case, made by rule and known exactly."""
