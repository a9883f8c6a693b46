"""Simulated ablation: heat, cold and death of tissue, step by step, around the needles of a plan.

`simulate` in `judging` answers with an assessment, `simulate_plan` in `ablation` with the fields.
"""
