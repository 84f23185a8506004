"""placeholder until the fold lands"""

from enum import StrEnum


class BatchStatus(StrEnum):
    """Where a batch stands on HuleEdu's wire."""

    UPLOADED = "uploaded"
    PARTIALLY_UPLOADED = "partially_uploaded"
    PENDING_CONFIGURATION = "pending_configuration"
    PENDING_PROCESSING_INITIATION = "pending_processing_initiation"
    PROCESSING_CONTENT_ENRICHMENT = "processing_content_enrichment"
    AWAITING_CJ_ASSESSMENT = "awaiting_cj_assessment"
    PROCESSING_CJ_ASSESSMENT = "processing_cj_assessment"
    COMPLETED = "completed"
    PARTIALLY_COMPLETED = "partially_completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PhaseOutcome(StrEnum):
    """How a batch's spell-check phase ended."""

    COMPLETED_SUCCESSFULLY = "COMPLETED_SUCCESSFULLY"
    COMPLETED_WITH_FAILURES = "COMPLETED_WITH_FAILURES"
    FAILED_CRITICALLY = "FAILED_CRITICALLY"
