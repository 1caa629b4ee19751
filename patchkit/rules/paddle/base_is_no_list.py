"""`_BASE_` is one word instead of a list.

What         `_BASE_` names its file without brackets.
Why          PaddleDetection makes a list of the value: of a word it takes the letters, one file each, and fails as
             there is no such file. All releases from 2.0 to develop do so.
Example      `_BASE_: ppyoloe_plus_crn_l_80e_coco.yml`
Fix safety   safe: puts it in brackets.
References   PaddleDetection 2.6 ppdet/core/workspace.py, _load_config_with_base.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Fix, Severity
from patchkit.recipes.surroundings import PaddleSurroundings
from patchkit.rule import Example, Rule
from patchkit.subjects.paddle.bases import BASE
from patchkit.subjects.paddle.config import PADDLE, PaddleConfig

EVIDENCE = "PaddleDetection 2.0 to 2.6 and develop, ppdet/core/workspace.py: list(file_cfg['_BASE_'])"


def check(config: PaddleConfig, around: PaddleSurroundings) -> Iterator[Finding]:
    entry = config.file.entries.get(BASE)
    if entry is not None and isinstance(entry.node.value, str):
        name = entry.node.value
        message = f"_BASE_ is the word {name}: PaddleDetection takes each letter for a file"
        yield Finding(message, entry.node.span, EVIDENCE, Fix(f"_BASE_: [{name}]", {BASE: [name]}))


RULE = Rule(
    __name__,
    Severity.ERROR,
    (PADDLE,),
    check,
    (
        Example(
            "_BASE_: base.yml # ours\nepoch: 80\n",
            "_BASE_: [base.yml] # ours\nepoch: 80\n",
            {"files": {"base.yml": "metric: COCO\n"}},
        ),
    ),
)
