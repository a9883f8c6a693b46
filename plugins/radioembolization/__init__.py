"""Radioembolization: what Y-90 given at catheter tips reaches, its activity and its dose."""
