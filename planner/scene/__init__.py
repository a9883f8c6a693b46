"""The model as pictures: slices, surfaces, instruments."""
