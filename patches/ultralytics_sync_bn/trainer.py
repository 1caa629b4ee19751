"""The trainer: the branch that wraps the model for DDP, and the check that keeps frozen BatchNorm layers frozen."""

import libcst as cst

from patchkit.patching.codemod import Inspection
from patchkit.patching.fingerprint import walk
from patchkit.patching.pattern import Pattern, same
from patchkit.patching.piece import Piece, Statement
from patchkit.patching.sites import SiteState

TESTS = (Pattern("world_size > 1"), Pattern("self.world_size > 1"))
MODEL, EMA = Pattern("self.model"), Pattern("self.ema")
WRAPPERS = {"DDP", "DistributedDataParallel", "FSDP", "FullyShardedDataParallel", "fully_shard", "DataParallel"}
FROZEN = Pattern("isinstance(MODULE, nn.BatchNorm2d)")
ALSO_SYNC = Pattern("isinstance(MODULE, (nn.BatchNorm2d, nn.SyncBatchNorm))")

CONVERSION = """\
# patchkit ultralytics-sync-bn
if getattr(self.args, "sync_bn", False):
    if self.device.type != "cuda":
        LOGGER.warning(f"'sync_bn=True' is only supported on CUDA, ignoring on '{self.device.type}'")
    elif hasattr(self.model, "_orig_mod"):
        raise ValueError("'sync_bn=True' does not work with a compiled model, set 'compile=False'")
    elif any(getattr(m, "bn", None) for m in self.model.modules() if type(m).__name__ == "RepConv"):
        raise ValueError("'sync_bn=True' does not work with RepConv(bn=True), which could not be fused later")
    else:
        unconverted = dict(self.model.named_modules())
        self.model = nn.SyncBatchNorm.convert_sync_batchnorm(self.model)
        for key, layer in self.model.named_modules():  # what was set on a layer stays with it
            kept = vars(unconverted.get(key, layer))
            vars(layer).update({k: v for k, v in kept.items() if k not in vars(layer)})
        self.model.eval()  # up to the first epoch: a graph traced by one process must not wait for others
"""
ONE_BRANCH = "one branch `if world_size > 1:` wraps `self.model`, and nothing else does"
NEW_NAMES = {"kept", "key", "layer", "unconverted"}
FREE_NAMES = f"no variable is called {', '.join(sorted(NEW_NAMES))}"
UNCONVERTED = "nothing converts BatchNorm layers yet"
# Of several things in one function, the first of these is its state.
STATES = (SiteState.DRIFTED, SiteState.PRISTINE, SiteState.APPLIED)
IMPORTED = "the module imports `nn` of torch and `LOGGER`"
PLAIN_CHECK = "BatchNorm2d occurs only as `isinstance(module, nn.BatchNorm2d)`"


def may_hold(text: bytes) -> bool:
    return (b"world_size > 1" in text and b"self.model = " in text) or b"BatchNorm2d)" in text


def inspect(piece: Piece) -> Inspection | None:
    """The state of a function that wraps the model, or that tells BatchNorm layers; None for any other."""
    if not isinstance(piece.node, cst.FunctionDef):
        return None
    found = [seen for seen in (_inspect_branch(piece), _inspect_check(piece.node)) if seen is not None]
    return next((seen for state in STATES for seen in found if seen.state is state), None)


def rewrite(piece: Piece) -> Statement:
    """The function with the conversion as the first statement of the branch, and with the wider check."""
    node = cst.ensure_type(piece.node, cst.FunctionDef)
    while checks := list(FROZEN.find(node)):  # anew each time: replacing one node rebuilds the tree
        call = cst.ensure_type(checks[0][0], cst.Call)
        both = cst.parse_expression("(nn.BatchNorm2d, nn.SyncBatchNorm)")
        wider = call.with_changes(args=[call.args[0], call.args[1].with_changes(value=both)])
        node = cst.ensure_type(node.deep_replace(call, wider), cst.FunctionDef)
    for branch in _branches(node):
        body = cst.ensure_type(branch.body, cst.IndentedBlock)
        if _is_converted(piece, branch):
            continue
        converted = branch.with_changes(body=body.with_changes(body=[*piece.statements(CONVERSION), *body.body]))
        node = cst.ensure_type(node.deep_replace(branch, converted), cst.FunctionDef)
    return node


def _inspect_branch(piece: Piece) -> Inspection | None:
    branches = _branches(piece.node)
    if not branches:
        return None
    tests = tuple(branch.test for branch in branches)
    if len(branches) == 1 and _is_converted(piece, branches[0]):
        return Inspection(SiteState.APPLIED, tests)
    names = {node.value for node in walk(piece.node) if isinstance(node, cst.Name)}
    checks = {
        ONE_BRANCH: len(branches) == 1 and not _wraps_elsewhere(piece.node, branches[0]),
        IMPORTED: piece.names.get("nn") == "torch.nn" and "LOGGER" in piece.names,
        FREE_NAMES: not NEW_NAMES & names,
    }
    failed = tuple(text for text, holds in checks.items() if not holds)
    form = _model_statements(cst.ensure_type(piece.node, cst.FunctionDef))
    return Inspection(SiteState.DRIFTED if failed else SiteState.PRISTINE, tests, failed, form=form)


def converts_already(source: bytes) -> bool:
    """True if a trainer converts BatchNorm layers somewhere, and not by this patch."""
    return b"convert_sync_batchnorm" in source and b"# patchkit ultralytics-sync-bn" not in source


def _wraps_elsewhere(function: cst.CSTNode, branch: cst.If) -> bool:
    """True if the model is wrapped for several processes, or set under another test of their number."""
    inside = {id(node) for part in (branch.test, branch.body) for node in (branch, *walk(part))}
    outside = [node for node in walk(function) if id(node) not in inside]
    wraps = any(isinstance(node, cst.Name) and node.value in WRAPPERS for node in outside)
    tests = [node for node in outside if isinstance(node, cst.If) and _mentions(node.test, "world_size")]
    return wraps or any(_sets(node, MODEL) for node in tests)


def _mentions(node: cst.CSTNode, name: str) -> bool:
    return any(isinstance(part, cst.Name) and part.value == name for part in walk(node))


def _sets(node: cst.CSTNode, *targets: Pattern) -> bool:
    """True if something in a node is assigned to one of the targets."""
    assigned = [part.target for part in walk(node) if isinstance(part, cst.AssignTarget)]
    return any(pattern.match(target) is not None for target in assigned for pattern in targets)


def _model_statements(function: cst.FunctionDef) -> cst.IndentedBlock:
    """The statements that set the model or its EMA, in order: what is compiled, wrapped and copied when."""
    body = cst.ensure_type(function.body, cst.IndentedBlock)
    return body.with_changes(body=[statement for statement in body.body if _sets(statement, MODEL, EMA)])


def _is_converted(piece: Piece, branch: cst.If) -> bool:
    return same(branch.body.body[0], piece.statements(CONVERSION)[0])


def _branches(function: cst.CSTNode) -> list[cst.If]:
    """The branches for more than one process in which the model is wrapped."""
    branches = [
        node for node in walk(function) if isinstance(node, cst.If) and isinstance(node.body, cst.IndentedBlock)
    ]
    return [
        branch
        for branch in branches
        if any(pattern.match(branch.test) is not None for pattern in TESTS)
        and any(_assigns_model(statement) for statement in branch.body.body)
    ]


def _assigns_model(statement: cst.CSTNode) -> bool:
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    return isinstance(small, cst.Assign) and MODEL.match(small.targets[0].target) is not None


def _inspect_check(function: cst.FunctionDef) -> Inspection | None:
    mentions = [node for node in walk(function) if isinstance(node, cst.Name) and node.value == "BatchNorm2d"]
    checks = [node for node, _ in FROZEN.find(function)]
    wider = [node for node, _ in ALSO_SYNC.find(function)]
    if not mentions:
        return None
    if len(mentions) != len(checks) + len(wider):
        return Inspection(SiteState.DRIFTED, (mentions[0],), (PLAIN_CHECK,))
    return Inspection(SiteState.PRISTINE, tuple(checks)) if checks else Inspection(SiteState.APPLIED, tuple(wider))
