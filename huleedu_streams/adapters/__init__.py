"""The edges: real content stores and the Kafka publisher behind the ports of `protocols`."""
