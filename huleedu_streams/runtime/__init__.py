"""The process: the Faust app and worker as this package runs them, start checks, log lines."""
