"""What is kept: case folders and the index of them."""
