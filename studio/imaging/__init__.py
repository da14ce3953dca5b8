"""The designer's craft: a request, a picture, a larger picture."""
