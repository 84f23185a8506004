"""Every error this package raises, in one tree.

Lives here: the exceptions. Not here: what is done about them (`agents/failures.py`, the HTTP
error middleware of `views/problems.py`).

```
HuleeduStreamsError
  ContractError                     poison: the bytes will never become an event
    UndecodableMessageError           not JSON, or not the shape of the event
    OversizeMessageError              larger than the cap, also once decompressed
    UnreadableRecordError             Kafka's own frame round the event is broken
    UnsupportedSchemaVersionError     a schema_version this code does not read
    UnknownEventError                 an event_type that does not belong on its topic
  ContentError
    ContentNotFoundError              permanent: no text under that id
    ContentRefusedError               permanent: the store will never take or give it
    ContentStoreUnavailableError      transient: down, slow, 5xx, 429
  SpellingError
    UnsupportedLanguageError          permanent: the language is not served
    DictionaryError                   a dictionary cannot be loaded
    SpellcheckFailedError             permanent: the checker failed on this text
  LifecycleError
    IllegalTransitionError            permanent: the status machine has no such edge
  TopicError
    TopicMissingError                 a topic of the catalogue is not on the broker
    TopicMismatchError                a topic differs from the catalogue
  ReplayError
    ReplayTakenOverError              another replay of the same dead letters began
    ReplayRefusedError                permanent: the broker does not take a record back
  BrokerUnavailableError            transient: no answer, or no acknowledgement in time
  TableError
    TableDamagedError                 a RocksDB folder cannot be read to its end
    TableUnusableError                the system lets nobody read or write it
    DiskFullError                     transient: no space for a table's next write
  WorkerUnavailableError            transient: no worker answers there, or not now
  RequestRefusedError               permanent: a worker answers no, and says why
  StartupError                      the process must not start; the message says what to do
    SettingsError                     a setting is wrong
```

Each class has a stable kebab-case `code` (metric label and dead-letter reason) and `retryable`.
"""

from __future__ import annotations

from typing import ClassVar


class HuleeduStreamsError(Exception):
    """Root of the tree. Operator action: none, never raised itself."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


class ContractError(HuleeduStreamsError):
    """A message breaks the wire contract; it is poison and no retry helps.

    Operator action: read it with `huleedu-streams dlt show`, mend the producer.
    """

    code = "contract"


class UndecodableMessageError(ContractError):
    """The bytes are no JSON, or not the shape of the event.

    Operator action: mend the producer; the dead letter holds the bytes.
    """

    code = "undecodable"


class OversizeMessageError(ContractError):
    """The message is larger than the event cap, possibly only once decompressed.

    Operator action: put the text into the content store and send its id.
    """

    code = "oversize"


class UnreadableRecordError(ContractError):
    """A record whose frame is broken: the name of a header is no UTF-8, a batch does not unpack.

    Operator action: mend the producer. Where the letter holds the value, `dlt replay` sends it
    back with a readable frame; else look at the original place with other tools.
    """

    code = "unreadable"


class UnsupportedSchemaVersionError(ContractError):
    """The envelope's `schema_version` is not one that this code reads.

    Operator action: upgrade this application, then `huleedu-streams dlt replay`.
    """

    code = "unsupported-schema-version"


class UnknownEventError(ContractError):
    """The envelope's `event_type` is not the one that its topic carries.

    Operator action: point the producer at the right topic.
    """

    code = "unknown-event"


class ContentError(HuleeduStreamsError):
    """The content store did not do what was asked. Operator action: see the subclasses."""

    code = "content"


class ContentNotFoundError(ContentError):
    """No text lies under that id; not retried.

    Operator action: submit the text again; ids are given out by the store.
    """

    code = "content-not-found"


class ContentRefusedError(ContentError):
    """The store refuses this request for good (too large, a bad id, forbidden); not retried.

    Operator action: read the store's answer in the message; mend the cap or the token.
    """

    code = "content-refused"


class ContentStoreUnavailableError(ContentError):
    """The store is down, slow, or answers 5xx or 429; retried, then waited for.

    Operator action: bring the content store back; agents go on by themselves.
    """

    code = "content-store-unavailable"
    retryable = True


class SpellingError(HuleeduStreamsError):
    """The speller cannot do what was asked. Operator action: see the subclasses."""

    code = "spelling"


class UnsupportedLanguageError(SpellingError):
    """The language is not served here; a text is never corrected with another one's words.

    Operator action: add the language to `HULEEDU_LANGUAGES` and restart.
    """

    code = "unsupported-language"


class DictionaryError(SpellingError):
    """A dictionary cannot be read or is not what it should be.

    Operator action: install the package again, or mend the file that the message names.
    """

    code = "dictionary"


class SpellcheckFailedError(SpellingError):
    """The checker failed on this text; the essay gets a failed result.

    Operator action: report the log line; it names the essay and never shows its text.
    """

    code = "spellcheck-failed"


class LifecycleError(HuleeduStreamsError):
    """An essay's lifecycle was asked for something it does not have."""

    code = "lifecycle"


class IllegalTransitionError(LifecycleError):
    """The status machine has no such edge; nothing changes, it is counted and logged.

    Operator action: none; look at the producer if the count grows.
    """

    code = "illegal-transition"


class TopicError(HuleeduStreamsError):
    """The broker's topics are not those of `kafka_topics.yaml`."""

    code = "topic"


class TopicMissingError(TopicError):
    """A topic of the catalogue does not exist.

    Operator action: `huleedu-streams topics apply`.
    """

    code = "topic-missing"


class TopicMismatchError(TopicError):
    """A topic's partitions or configuration differ from the catalogue.

    Operator action: `huleedu-streams topics plan` shows the difference.
    """

    code = "topic-mismatch"


class ReplayError(HuleeduStreamsError):
    """Dead letters were not sent back to their end; each was sent whole or not at all."""

    code = "replay"


class ReplayTakenOverError(ReplayError):
    """Another replay of the same dead-letter topic began; this one may not go on.

    Operator action: let the other end; what is left then is replayed by running this again.
    """

    code = "replay-taken-over"


class ReplayRefusedError(ReplayError):
    """The broker does not take a record, or does not allow us to send it.

    Operator action: do what the message says, or leave that letter out with a filter.
    """

    code = "replay-refused"


class BrokerUnavailableError(HuleeduStreamsError):
    """The broker does not answer, or did not acknowledge a record in time.

    Operator action: bring the broker back, or set `HULEEDU_BROKER_URL`.
    """

    code = "broker-unavailable"
    retryable = True


class TableError(HuleeduStreamsError):
    """A table's RocksDB database cannot be used. Operator action: that of the leaf."""

    code = "table"


class TableDamagedError(TableError):
    """A table's RocksDB folder cannot be read to its end.

    Operator action: none where a worker finds it, which rebuilds the folder from the changelog;
    where a command finds it, stop the worker, remove the folder, start the worker.
    """

    code = "table-damaged"


class TableUnusableError(TableError):
    """The system lets nobody read or write a table's RocksDB folder; its rows may be whole.

    Operator action: mend the disk, or the folder's mode or owner. A worker starts again once by
    itself, and is refused where the folder cannot be opened then.
    """

    code = "table-unusable"


class DiskFullError(TableError):
    """There is no space for a table's next write. Operator action: make some; workers wait."""

    code = "disk-full"
    retryable = True


class WorkerUnavailableError(HuleeduStreamsError):
    """No worker answers at that address, or it answers that it is not ready.

    Operator action: start one (`huleedu-streams worker`), or name another with `--url`.
    """

    code = "worker-unavailable"
    retryable = True


class RequestRefusedError(HuleeduStreamsError):
    """A worker refuses the request and says why. Operator action: mend the request."""

    code = "request-refused"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class StartupError(HuleeduStreamsError):
    """The process refuses to start; the message is one line that says what to do.

    Operator action: do what the message says. The process exits with 2.
    """

    code = "startup"


class SettingsError(StartupError):
    """A setting is wrong, unknown or contradicts another. Operator action: mend the setting."""

    code = "settings"
