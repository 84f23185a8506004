from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from huleedu_streams.errors import SettingsError
from huleedu_streams.settings import DEFAULT_WEB_PORT, load_settings


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where `huleedu.env` would be; the environment says nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HULEEDU_WEB_PORT", raising=False)
    return tmp_path / "huleedu.env"


def test_file_sets_what_it_names(file: Path) -> None:
    file.write_text("HULEEDU_WEB_PORT=7077\n")

    assert load_settings().web_port == 7077


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"HULEEDU_WEB_PORT=\xff\n", "cannot read huleedu.env: no UTF-8 at byte 17"),
        (b"HULEEDU_NOPE=1\n", "unknown setting HULEEDU_NOPE"),
        (b"HULEEDU_WEB_PROT=1\n", "unknown setting HULEEDU_WEB_PROT; did you mean"),
        (b"SECRET=1\n", "unknown setting SECRET"),
        (b"HULEEDU_WEB_PORT=many\n", "wrong setting HULEEDU_WEB_PORT: "),
    ],
)
def test_file_that_is_wrong_is_named_in_one_line(
    file: Path, content: bytes, complaint: str
) -> None:
    file.write_bytes(content)

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert str(refused.value).startswith(complaint)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to(path)])
def test_what_is_no_file_is_not_ignored(file: Path, make: Callable[[Path], None]) -> None:
    make(file)

    with pytest.raises(SettingsError, match=r"^cannot read huleedu\.env: it is no file$"):
        load_settings()


def test_tokens_that_are_no_utf8_are_named_in_one_line(file: Path) -> None:
    tokens = file.with_name("tokens")
    tokens.write_bytes(b"first\n\xff")
    file.write_text(f"HULEEDU_API_TOKENS_FILE={tokens}\n")

    with pytest.raises(SettingsError, match="tokens: no UTF-8 at byte 6"):
        load_settings().tokens()


@pytest.mark.parametrize("setting", ["HULEEDU_API_TOKENS=,", "HULEEDU_API_TOKENS_FILE=tokens"])
def test_tokens_without_a_token_let_nobody_in(file: Path, setting: str) -> None:
    file.with_name("tokens").write_text("\n  \n")
    file.write_text(f"{setting}\n")

    with pytest.raises(SettingsError, match="name no token"):
        load_settings().tokens()


def test_without_tokens_everyone_is_let_in(file: Path) -> None:
    assert not file.exists()
    assert load_settings().tokens() == ()


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
