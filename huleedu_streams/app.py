"""The application: the target of `faust -A huleedu_streams.app …`."""

from huleedu_streams.wiring import create_app, settings_or_exit

app = create_app(settings_or_exit())
