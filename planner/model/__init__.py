"""What a case is: immutable values in standard terms."""
