"""The application: the target of `faust -A huleedu_streams.app …`."""

from huleedu_streams.wiring import app_or_exit

app = app_or_exit()
