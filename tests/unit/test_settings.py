from __future__ import annotations

import pytest

from huleedu_streams.errors import SettingsError
from huleedu_streams.settings import DEFAULT_WEB_PORT, load_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HULEEDU_LIFECYCLE_SERVICE_HOST", "10.0.0.7"),
        ("HULEEDU_LIFECYCLE_SERVICE_PORT", "6066"),
        ("HULEEDU_LIFECYCLE_SERVICE_PORT_HTTP", "6066"),
        ("HULEEDU_LIFECYCLE_PORT", "tcp://10.0.0.7:6066"),
        ("HULEEDU_LIFECYCLE_PORT_6066_TCP", "tcp://10.0.0.7:6066"),
        ("HULEEDU_LIFECYCLE_PORT_6066_TCP_ADDR", "10.0.0.7"),
        ("HULEEDU_WEB_PORT", "tcp://10.0.0.7:80"),
    ],
)
def test_links_to_services_of_kubernetes_are_no_settings(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    assert load_settings().web_port == DEFAULT_WEB_PORT


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HULEEDU_WEB_PROT", "1"),
        ("HULEEDU_WEB_PORT", "soon"),
        ("HULEEDU_BATCH_MAX_ESSAYS", "10001"),
    ],
)
def test_wrong_setting_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=name):
        load_settings()
