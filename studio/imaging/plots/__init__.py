"""Pictures that differ in one or two settings, on one sheet."""
