"""The word lists of the languages other than English, and what their misspellings cost."""
