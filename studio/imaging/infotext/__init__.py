"""Settings as text in picture files, in the form of AUTOMATIC1111's web UI."""
