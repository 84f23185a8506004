r"""The speller: dictionary, index, engines, the user's list. No Kafka, no Faust, usable alone.

```
dictionary -> lexicon (deletions) -> exact, weighted \
                                                      checker -> pool (worker) -> by_size
wordlist -> vocabulary (deletions) -> ranked         /    l2
```
"""

from __future__ import annotations

from huleedu_streams.spelling.checker import SpellChecker
from huleedu_streams.spelling.dictionary import languages

__all__ = ["SpellChecker", "languages"]
