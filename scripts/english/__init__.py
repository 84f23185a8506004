"""What makes the English words and weights of the speller."""
