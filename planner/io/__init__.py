"""Files and networks to the model, and back."""
