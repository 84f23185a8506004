"""The wire: pydantic models, topic names, bytes to envelope and back."""
