"""Customer-service automation whose every decision can be explained, verified and replayed."""

__version__ = "0.1.0"
