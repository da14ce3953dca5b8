"""The endpoints for `gradio_client` and plain HTTP."""
