"""Dead letters on Kafka: read them, send them back, delete them. Not here: how they are shown."""
