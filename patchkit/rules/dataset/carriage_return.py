"""Lines end in carriage return and line feed.

What         Lines of a label file end as Windows ends them.
Why          Python reads them as it reads others. Shell tools and some C++ readers do not: the last number then ends in
             a character that cannot be seen.
Example      a file written on Windows
Fix safety   there is none, because no trainer here is harmed. `dos2unix` converts them.
References   the facts of this rule are measured: ultralytics 8.4.190 reads such files.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Span
from patchkit.rule import Example, Rule
from patchkit.subjects.dataset.expected import Expected
from patchkit.subjects.dataset.labels import YOLO, Labels


def check(labels: Labels, expected: Expected) -> Iterator[Finding]:
    if labels.carriage_returns:
        message = f"{labels.carriage_returns} lines end in carriage return and line feed"
        yield Finding(message, Span(labels.path), "the bytes are 0D 0A")


RULE = Rule(
    __name__,
    Severity.NOTE,
    (YOLO,),
    check,
    (
        Example(
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\r\n",
            "-- labels/train/a.txt --\n0 0.5 0.5 0.2 0.2\n",
        ),
    ),
)
