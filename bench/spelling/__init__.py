"""How right, how fast and how large the speller is, next to other spellers, in one run.

```
sets -> essays -> accuracy, texts, speed, hold, load -> rows -> __main__
         spellers
```
`make bench-spelling` runs it. Sets that are not in the repository are read from the folder that
`HULEEDU_SPELLING_DATA` names; without them the rows that need them are shown as skipped.
"""
