"""`kafka_topics.yaml`: read it, compare it with a broker, make the broker agree."""
