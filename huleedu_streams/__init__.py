"""Checks essays as a stream: a Faust application on Apache Kafka."""

__version__ = "0.2.0"
