"""A tree of configurations like that of PaddleDetection, written by hand."""

from pathlib import Path

from patchkit.subjects.paddle.config import PaddleConfig, load_paddle
from patchkit.subjects.yaml_file import parse_yaml, read_yaml

RUNTIME = "use_gpu: true\nsave_dir: output\n"
DATA = """\
metric: COCO
num_classes: 3
TrainDataset:
  !COCODataSet
    image_dir: train
    anno_path: annotations/train.json
    dataset_dir: dataset/fruit
"""
OPTIMIZER = """\
epoch: 80  # with 8 GPUs

LearningRate:
  base_lr: 0.001
  schedulers:
    - name: CosineDecay
      max_epochs: 96
    - name: LinearWarmup
      start_factor: 0.
      epochs: 5

OptimizerBuilder:
  optimizer: {momentum: 0.9, type: Momentum}
  regularizer: {factor: 0.0005, type: L2}
"""
MODEL = """\
architecture: YOLOv3
norm_type: sync_bn
use_ema: true
YOLOv3:
  yolo_head: PPYOLOEHead
  post_process: ~
PPYOLOEHead:
  fpn_strides: [32, 16, 8]
  static_assigner_epoch: 30
  loss_weight: {class: 1.0, iou: 2.5, dfl: 0.5}
"""
READER = """\
eval_height: &eval_height 640
eval_size: &eval_size [*eval_height, *eval_height]
TrainReader:
  sample_transforms:
    - Decode: {}
  batch_size: 8
EvalReader:
  sample_transforms:
    - Resize: {target_size: *eval_size}
  batch_size: 2
"""
PUBLISHED = """\
_BASE_: [
  '../datasets/fruit.yml',
  '../runtime.yml',
  './_base_/optimizer_80e.yml',
  './_base_/model.yml',
  './_base_/reader.yml',
]

# sizes
depth_mult: 1.0
width_mult: 1.0
"""
OWN = "_BASE_: ['ppyoloe_plus_crn_l_80e_coco.yml']\n"
TREE = {
    "configs/runtime.yml": RUNTIME,
    "configs/datasets/fruit.yml": DATA,
    "configs/ppyoloe/_base_/optimizer_80e.yml": OPTIMIZER,
    "configs/ppyoloe/_base_/model.yml": MODEL,
    "configs/ppyoloe/_base_/reader.yml": READER,
    "configs/ppyoloe/ppyoloe_plus_crn_l_80e_coco.yml": PUBLISHED,
}


def grow(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def own(tree: Path, text: str = OWN, name: str = "configs/ppyoloe/own.yml") -> PaddleConfig:
    """A leaf in a tree; `.git` keeps what is above, on whatever machine, out of it."""
    (tree / ".git").mkdir(exist_ok=True)
    grow(tree, {name: text})
    return load_paddle(read_yaml(tree / name))


def alone(text: str | bytes, name: str = "own.yml") -> PaddleConfig:
    return load_paddle(parse_yaml(text.encode() if isinstance(text, str) else text, Path(name)))


def again(config: PaddleConfig, source: bytes) -> PaddleConfig:
    return load_paddle(parse_yaml(source, config.file.path))
