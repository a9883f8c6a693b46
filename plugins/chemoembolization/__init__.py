"""Chemoembolization: what tips reach, who may be treated, and the sheet of vessels in their order."""
