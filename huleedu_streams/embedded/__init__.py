"""The single-node Apache Kafka that ships as a Python dependency."""
