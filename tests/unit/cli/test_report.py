from __future__ import annotations

import io

from prometheus_client import CollectorRegistry
from rich.console import Console

from huleedu_streams.cli.report import DemoResult, Outcome, show, telling_metrics
from huleedu_streams.cli.samples import SampleEssay
from huleedu_streams.domain.lifecycle import EssayStatus
from huleedu_streams.domain.spelling import CheckedText
from huleedu_streams.metrics import Metrics

ESSAY = SampleEssay("essay-1", "A txet.", EssayStatus.SPELLCHECKED_SUCCESS, at_least=1)
CORRECTION = {"original": "txet", "replacement": "text"}
BATCH = {
    "batch_id": "batch-1",
    "outcome": "COMPLETED_SUCCESSFULLY",
    "total_essays": 1,
    "completion_percentage": 100.0,
    "status_breakdown": {"spellchecked_success": 1},
}


def shown(result: DemoResult) -> str:
    out = io.StringIO()
    show(Console(file=out, width=120, highlight=False), result, 9.0)
    return out.getvalue()


def test_report_shows_each_essay_and_its_replacements() -> None:
    outcome = Outcome(ESSAY, "spellchecked_success", 1, (CORRECTION,))

    text = shown(DemoResult((outcome,), BATCH, ("a_metric{} 1",)))

    assert "essay-1  spellchecked_success  1            txet → text" in text
    assert "batch-1: COMPLETED_SUCCESSFULLY, 1 of 1 essays (spellchecked_success 1)" in text
    assert "a_metric{} 1" in text
    assert "1 of 1 essays ended as they should, in 9 s" in text


def test_report_names_what_is_wrong() -> None:
    result = DemoResult(
        (Outcome(ESSAY, None, None, ()),), {"batch_id": "batch-1", "outcome": None}, ()
    )

    assert len(result.faults) == 2
    assert "0 of 1 essays ended as they should" in shown(result)


def test_document_holds_what_a_script_needs() -> None:
    outcome = Outcome(ESSAY, "spellchecked_success", 1, (CORRECTION,))

    document = DemoResult((outcome,), BATCH, ()).document()

    assert document["faults"] == []
    assert document["essays"][0]["corrections"] == [CORRECTION]


def test_telling_metrics_show_the_sample_that_counted_most() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.text_checked("en", 0.1, CheckedText("a b", word_count=2))
    metrics.text_checked("sv", 0.1, CheckedText("a", word_count=1))
    body, _ = metrics.render(None)

    assert telling_metrics(body.decode()) == ['huleedu_spellcheck_words_total{language="en"} 2']
