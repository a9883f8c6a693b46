"""What several treatments share: devices, paths and their hazards, rules with their sources."""
