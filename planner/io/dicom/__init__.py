"""DICOM files to the model: our own sorting and geometry check, pixels by proven decoders."""
