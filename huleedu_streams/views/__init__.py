"""HTTP surface, as Faust web views: texts, submissions, state, operations."""
