"""A patch was applied, and the package was installed anew since.

What         There is a receipt of a patch, and its file is again the one that the package installs, or is gone.
Why          `pip install --force-reinstall`, an upgrade, or a package that asks for another release takes a patch away
             without a word. Training runs the defect again, and the Dockerfile still says `patchkit apply`.
Example      patchkit apply yolov10-dfl && pip install --force-reinstall ultralytics
Fix safety   `patchkit apply` checks the code that is there now before it writes.
References   `patchkit status`, which says the same; `patchkit verify` as the last step of an image build finds it.
"""

from collections.abc import Iterator

from patchkit.findings import Finding, Severity, Skipped, Span
from patchkit.patching.state import APPLIED, LOST, REVERTED
from patchkit.rule import Example, Rule
from patchkit.subjects.environment.environment import ENVIRONMENT, Environment
from patchkit.subjects.environment.machine import Machine
from patchkit.subjects.environment.markers import in_doubt

HOW = {
    LOST: "the package was installed anew or removed, and the patch went with it",
    REVERTED: "the original file is back, but patchkit did not revert it",
}


def check(environment: Environment, _: Machine) -> Iterator[Finding | Skipped]:
    for state in environment.patches:
        if state.state not in HOW:
            continue
        receipt = state.receipt
        if doubt := in_doubt(environment, state.root, receipt.distribution, receipt.patch):
            yield doubt
            continue
        file = next(stacked for stacked in state.files if stacked.state != APPLIED)
        of = f" of {receipt.distribution} {receipt.distribution_version}" if receipt.distribution else ""
        message = f"{receipt.patch} {receipt.version}{of} is {state.state}: {HOW[state.state]}"
        evidence = f"{state.root / file.file.path} has not the sha256 of the receipt, {file.file.after_sha256[:12]}"
        package = environment.find(receipt.distribution) if receipt.distribution else None
        action = "apply" if package is not None else "revert"
        command = environment.commands.patchkit(action, receipt.patch)
        yield Finding(message, Span(str(state.root / file.file.path)), evidence, commands=(command,))


_RECEIPT = (  # of a patch that makes "# patched" of "# loss"
    "-- site/.patchkit/ledger.json --\n"
    '{"schema": 1, "receipts": [{"patch": "yolov10-dfl", "version": "1.0.0", "pack": "patchkit.patches",\n'
    '"room_sha256": "4ccc8c03064941cf16ddb4dd004193737f0e182a376c10205c706a0467fe8bd1", "kind": "distribution",\n'
    '"distribution": "ultralytics", "distribution_version": "8.2.50", "untested": false, "files": [\n'
    '{"path": "ultralytics/utils/loss.py", "sites": [], "link": null,\n'
    '"before_sha256": "4ccc8c03064941cf16ddb4dd004193737f0e182a376c10205c706a0467fe8bd1",\n'
    '"after_sha256": "d4384a212657d938c0999313ccf491eeb5edd4de1d964d942934b012bd8e6fbb",\n'
    '"records": [{"record": "ultralytics-8.2.50.dist-info/RECORD",\n'
    '"before": "ultralytics/utils/loss.py,sha256=TMyMAwZJQc8W3bTdAEGTc38OGCo3bBAgXHBqBGf-i9E,7\\n",\n'
    '"after": "ultralytics/utils/loss.py,sha256=1DhKISZX2TjAmZMTzPSR7rXt1N4dlk2UKTSwEr2Ob7s,10\\n"}]}]}]}\n'
)
_RECORD = (
    "-- site/ultralytics-8.2.50.dist-info/METADATA --\nName: ultralytics\n"
    "-- site/ultralytics-8.2.50.dist-info/RECORD --\nultralytics/utils/loss.py,sha256="
)
_LOSS = "-- site/ultralytics/utils/loss.py --\n"
PATCHED = f"{_RECORD}1DhKISZX2TjAmZMTzPSR7rXt1N4dlk2UKTSwEr2Ob7s,10\n{_LOSS}# patched"
HELD = f"{_RECEIPT}{PATCHED}\n"
INSTALLED_ANEW = f"{_RECEIPT}{_RECORD}TMyMAwZJQc8W3bTdAEGTc38OGCo3bBAgXHBqBGf-i9E,7\n{_LOSS}# loss\n"
EDITED = f"{_RECEIPT}{PATCHED}, then edited\n"
RULE = Rule(__name__, Severity.WARNING, (ENVIRONMENT,), check, (Example(INSTALLED_ANEW, HELD),))
